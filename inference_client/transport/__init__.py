"""The way to one server: one question, one answer, no second try."""
