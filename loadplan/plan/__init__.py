"""From YAML to a graph: pure after the text is read; never talks to an org."""
