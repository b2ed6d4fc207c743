"""Configuration: what is read, what is overridden, and what an error tells."""

import os
import subprocess
import sys

import pytest

from accelerator_server.config import (
    ServerConfig,
    nearest,
    parse_override,
    read_model_config,
    read_server_config,
)
from accelerator_server.errors import ConfigurationError
from tests.accelerator_server.model_files import write_model


def test_a_server_is_configured_by_a_small_file(tmp_path):
    path = tmp_path / "server.toml"
    path.write_text('host = "::1"\nport = 8000\ndrain_s = 5\n')
    assert read_server_config(path) == ServerConfig(host="::1", port=8000, drain_s=5.0)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("prot = 8000", "unknown field `prot`.*port"),
        ("port = 70000", "65535.*port"),
        ("port = ", "Invalid value"),
        ("drain_s = 0", "drain_s"),
    ],
)
def test_an_impossible_configuration_is_refused_by_name(tmp_path, text, told):
    path = tmp_path / "server.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=rf"server\.toml.*{told}"):
        read_server_config(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match="nowhere"):
        read_server_config(tmp_path / "nowhere.toml")


def test_overrides_reach_nested_keys_of_their_model_only(tmp_path):
    path = write_model(tmp_path, "a", tables="[batching]\nqueue_requests = 7") / "model.toml"
    overrides = [
        parse_override("a.max_rows=8"),
        parse_override("*.batching.best_rows=4"),
        parse_override("a.backend_parameters.inner=openvino"),
        parse_override("b.max_rows=99"),
    ]
    config = read_model_config(path, "a", overrides)
    assert config.max_rows == 8
    assert config.batching.best_rows == 4
    assert config.batching.queue_requests == 7
    assert config.backend_parameters == {"inner": "openvino"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("m.k=3", 3),
        ("m.k=0.5", 0.5),
        ("m.k=true", True),
        ('m.k="3"', "3"),
        ("m.k=cpu", "cpu"),
        ("m.k=[1]", [1]),
    ],
)
def test_values_of_overrides_are_toml_or_text(text, value):
    assert parse_override(text).value == value


@pytest.mark.parametrize("text", ["", "m", "m.k", "k=3", ".k=3", "m.=3"])
def test_an_override_of_another_form_is_refused(text):
    with pytest.raises(ConfigurationError, match=r"MODEL\.KEY=VALUE"):
        parse_override(text)


def test_an_override_of_a_key_that_is_no_table_is_refused(tmp_path):
    path = write_model(tmp_path, "a") / "model.toml"
    with pytest.raises(ConfigurationError, match="backend is not a table"):
        read_model_config(path, "a", [parse_override("a.backend.x=1")])


def test_all_names_are_told_the_near_ones_first():
    assert nearest("toptagg", ["echo", "toptag", "null"]) == "toptag, echo, null"
    assert nearest("zzz", ["toptag", "echo"]) == "echo, toptag"
    assert nearest("zzz", []) == "none"


def test_a_configuration_is_utf_8_whatever_the_locale(tmp_path):
    path = tmp_path / "server.toml"
    path.write_text('name = "Zürich"\n', encoding="utf-8")
    code = """
import sys
from pathlib import Path
from accelerator_server.config import read_server_config
print(ascii(read_server_config(Path(sys.argv[1])).name))
"""
    command = [sys.executable, "-c", code, str(path)]
    locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(command, env=os.environ | locale, capture_output=True, text=True, check=True)
    assert done.stdout == "'Z\\xfcrich'\n"
