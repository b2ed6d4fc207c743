"""`python -m accelerator_server` is the command `accelerator-server`."""

from accelerator_server.cli import main

main()
