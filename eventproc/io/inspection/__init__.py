"""What a file holds, and how two differ."""
