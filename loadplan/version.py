"""The version of loadplan, in one place that nothing heavy imports."""

__version__ = "0.1.0"
