"""What an admin is given: the examples are read by what they are for, and name what exists."""

import configparser
import json
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from accelerator_server.cli import app
from accelerator_server.config import ServerConfig, read_server_config
from accelerator_server.metrics import Metrics

DOCS = Path(__file__).resolve().parents[2] / "docs"
DEPLOY = DOCS / "deploy"


def test_the_example_configuration_is_one():
    config = read_server_config(DEPLOY / "server.toml")
    assert config.tls is not None
    assert config.token_files


def test_the_page_knows_every_key_of_the_configuration():
    page = (DOCS / "site_admin.md").read_text()
    missing = [key for key in ServerConfig.__struct_fields__ if key not in page]
    assert missing == []
    for key, default in (("body_timeout_s", 30), ("max_connections", 10_000), ("keepalive_s", 75)):
        assert f"| {key} | {default} |" in page
        assert getattr(ServerConfig(), key) == default


def commands() -> list[list[str]]:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str
    unit.read(DEPLOY / "accelerator-server.service")
    assert int(unit["Service"]["TimeoutStopSec"]) > ServerConfig().drain_s
    container = (DEPLOY / "Containerfile").read_text()
    parts = re.findall(r"^(?:ENTRYPOINT|CMD) (\[.*\])$", container, re.MULTILINE)
    recipe = re.search(r"exec (accelerator-server .*)", (DEPLOY / "accelerator-server.def").read_text())
    return [
        shlex.split(unit["Service"]["ExecStart"]),
        [word for part in parts for word in json.loads(part)],
        shlex.split(recipe.group(1).replace('"$@"', "--host 0.0.0.0 --port 8000")),
    ]


@pytest.mark.parametrize("command", commands(), ids=["systemd", "container", "apptainer"])
def test_the_commands_are_understood(command):
    program, *words = command
    assert Path(program).name == "accelerator-server"
    result = CliRunner().invoke(app, [*words, "--help"])
    assert result.exit_code == 0
    known = {option for command in app.registered_commands for option in options_of(command)}
    assert {word for word in words if word.startswith("--")} <= known


def options_of(command) -> list[str]:
    text = CliRunner().invoke(app, [command.callback.__name__.removesuffix("_command"), "--help"]).output
    return re.findall(r"--[a-z-]+", text)


def test_grafana_asks_for_metrics_that_exist():
    metrics = Metrics()
    metrics.of_model("m", "1")
    metrics.requests.labels("200")
    metrics.refusals.labels("queue_full")
    known = set(re.findall(r"^(accelerator_\w+)", metrics.exposition().decode(), re.MULTILINE))
    asked = set(re.findall(r"accelerator_\w+", (DEPLOY / "grafana.json").read_text()))
    assert len(asked) > 8
    assert asked <= known
