"""What callers ask, on its way to a server and back."""
