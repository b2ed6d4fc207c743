"""Trains, exports and measures the networks that tag jets; needs the extra ``train``."""
