"""Which requests travel together, and when."""
