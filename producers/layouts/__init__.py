"""Layouts of files that other experiments' software wrote, read as the products of this package."""
