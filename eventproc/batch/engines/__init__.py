"""Engines: what carries attempts to workers. Each is a thin layer over a batch system."""
