"""Where rows come from, and how they are shaped and cut into parts. Values pass exactly; no type is guessed."""
