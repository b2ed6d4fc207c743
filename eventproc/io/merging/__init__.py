"""Files of parts put together."""
