"""The command line: parses, wires concrete things together, prints. Decides nothing about a load."""
