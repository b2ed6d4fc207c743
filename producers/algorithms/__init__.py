"""Pure algorithms on numpy arrays: arrays in, arrays out, no framework and no network."""
