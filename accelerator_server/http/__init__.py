"""What of the server speaks HTTP: connections, requests, replies."""
