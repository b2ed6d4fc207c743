"""Asks accelerator servers for inference; usable without the event framework."""
