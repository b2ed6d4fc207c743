"""Requests and replies kept in a file: written while a client works, answered from or sent again later."""
