"""The version, in the one place that code reads it from."""

from importlib.metadata import version

__version__ = version("eventproc")
