"""How events, runs and luminosity blocks lie in files of our own."""
