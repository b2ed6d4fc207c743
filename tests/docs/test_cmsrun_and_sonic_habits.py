"""The page names commands, options, parameters and exit codes; each must be there."""

import re
from pathlib import Path
from typing import Any

import pytest
import typer

import eventproc.config as cms
from eventproc import errors
from eventproc.modules.parameter_table import parameter_rows
from eventproc.plugins import COMMANDS, PLUGINS, load_plugin, plugin_names

PAGE = Path(__file__).resolve().parents[2] / "docs" / "cmsrun_and_sonic_habits.md"
TEXT = PAGE.read_text()
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in TEXT.splitlines()
    if line.startswith("| ") and not line.startswith("|---")
]
COMMAND_LINES = re.findall(r"`eventproc ([^`]+)`", TEXT)
PARAMETERS = [
    (plugin, parameter)
    for row in ROWS
    for plugin, parameter in re.findall(r"`(\w+)\.(\w+(?:\.\w+)*)", " ".join(row))
    if plugin in plugin_names(PLUGINS)
]


def option_names(command):
    application = typer.Typer(add_completion=False)
    loaded: Any = load_plugin(command, COMMANDS)
    application.command()(loaded)
    parameters = typer.main.get_command(application).params
    return {name for parameter in parameters for name in (*parameter.opts, *parameter.secondary_opts)}


@pytest.mark.parametrize(
    "line", [line for line in COMMAND_LINES if line.split()[0] in plugin_names(COMMANDS)]
)
def test_options_of_commands_are_there(line):
    command, *words = line.split()
    assert {word for word in words if re.match(r"-\w|--", word)} <= option_names(command)


def test_commands_are_there():
    named = {line.split()[0] for line in COMMAND_LINES}
    assert named <= set(plugin_names(COMMANDS))
    assert {
        "run",
        "dump",
        "content",
        "provenance",
        "plugins",
        "files",
        "merge",
        "compare",
        "display",
    } <= named


def test_enough_parameters_are_named():
    assert len(PARAMETERS) >= 15


@pytest.mark.parametrize(("plugin", "parameter"), PARAMETERS)
def test_parameters_are_there(plugin, parameter):
    loaded: Any = load_plugin(plugin)
    assert parameter in [row.name for row in parameter_rows(loaded.Params)]


def test_options_of_a_process_are_there():
    named = set(re.findall(r"`process\.options\.(\w+)`", TEXT)) - {"SkipEvent"}
    assert named >= {"numberOfStreams", "TryToContinue"}
    assert named <= set(cms.Process("TEST").options.parameterNames_())


def test_exit_codes_are_those_of_the_errors():
    known = {
        kind.exit_code
        for kind in vars(errors).values()
        if isinstance(kind, type) and hasattr(kind, "exit_code")
    }
    table = [row for row in ROWS if len(row) == 3 and re.match(r"\d{4}", row[1])]
    assert len(table) >= 8
    for _, codes, shells in table:
        for code, shell in zip(codes.split(", "), shells.split(", "), strict=False):
            assert int(code) in known
            if shell.isdecimal():
                assert int(shell) == int(code) & 0xFF


def test_every_table_keeps_its_columns():
    tables = re.findall(r"(?:^\|.*\n)+", TEXT, re.MULTILINE)
    for table in tables:
        assert len({line.count(" | ") for line in table.splitlines() if not line.startswith("|-")}) == 1, (
            table
        )
