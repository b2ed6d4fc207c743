"""The wire between client and server: messages, their bytes, their arrays, headers and routes."""
