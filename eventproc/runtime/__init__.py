"""Runs a frozen job: the only place that knows about concurrency."""
