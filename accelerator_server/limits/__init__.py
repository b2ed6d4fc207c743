"""What is refused because there is no room for it."""
