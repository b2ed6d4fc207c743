"""From requests to batches on a device, and back."""
