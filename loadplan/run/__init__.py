"""A plan in motion: events, the state machine, the decision what to do next, and the thin shell that does it."""
