"""The command ``eventproc``: one file per command."""
