"""What the server answers at which path, one file for each group of routes."""
