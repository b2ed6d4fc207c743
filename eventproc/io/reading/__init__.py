"""From input files to events."""
