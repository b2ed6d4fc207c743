"""The command ``eventproc``: finds its commands by name in the entry points, loads only the one that runs."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from eventproc.errors import CommandLineError, ConfigurationError, EventProcError, near_names
from eventproc.plugins import COMMANDS, load_plugin, plugin_names
from eventproc.plugins.outline import plugin_outlines
from eventproc.version import __version__

_USAGE_ERROR = 2
"""What typer ends with after a word it cannot use."""


class CommandTable(TyperGroup):
    """The commands of all installed packages, as one group."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the base class's signature
        """Names of all commands."""
        return plugin_names(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Loads one command."""
        names = plugin_names(COMMANDS)
        if cmd_name not in names:
            ctx.fail(f"no command {cmd_name!r}: {near_names(cmd_name, names)}")
        application = typer.Typer(add_completion=False, rich_markup_mode=None)
        try:
            command: Any = load_plugin(cmd_name, COMMANDS)
        except ConfigurationError:
            if ctx.resilient_parsing:  # completion: a broken package must not end in the user's prompt
                return None
            raise
        application.command(cmd_name)(command)
        return typer.main.get_command(application)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - the base class's signature
        """Lists the commands without importing any: a broken one must not take the list away."""
        rows = [(outline.name, outline.sentence) for outline in plugin_outlines(COMMANDS)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


application = typer.Typer(cls=CommandTable, no_args_is_help=True, rich_markup_mode=None)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"eventproc {__version__}")
        raise typer.Exit


@application.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Runs event-processing jobs and looks after their files."""


def main() -> None:
    """Runs the command line; ends the process with the shell code of what happened."""
    try:
        application()
    except EventProcError as error:
        typer.echo(f"eventproc: {error}", err=True)
        sys.exit(error.shell_code)
    except SystemExit as ending:
        if ending.code == _USAGE_ERROR:
            sys.exit(CommandLineError.exit_code & 0xFF)
        raise
