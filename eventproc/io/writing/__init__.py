"""From events to output files."""
