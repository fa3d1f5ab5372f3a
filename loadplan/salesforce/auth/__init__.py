"""How a token is got: one file per flow."""
