"""What computes: one file for each engine behind the Protocol in `base`, found by name in `table`."""
