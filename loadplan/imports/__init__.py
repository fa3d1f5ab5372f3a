"""Plans made from the configuration of other tools. What cannot be carried over is said, never guessed."""
