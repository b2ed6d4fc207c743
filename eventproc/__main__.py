"""Lets ``python -m eventproc`` stand for the command ``eventproc``."""

from eventproc.cli.main import main

main()
