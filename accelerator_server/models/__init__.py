"""The models of a server: found, loaded, served, replaced."""
