"""Servers and transports for tests of whatever uses the client: settable delays, faults on demand."""
