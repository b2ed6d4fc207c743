"""Devices in processes of their own: a backend that crashes takes down its process and not the server."""
