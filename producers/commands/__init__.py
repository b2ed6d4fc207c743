"""Commands that the physics adds to ``eventproc``."""
