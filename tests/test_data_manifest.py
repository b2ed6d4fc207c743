"""Tests that every shipped file is what its manifest says, with the command that made it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

DATA = Path(__file__).parents[1] / "data"


def run(folder, *options):
    command = [sys.executable, str(folder / "make_manifest.py"), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def copy(tmp_path):
    return Path(shutil.copytree(DATA, tmp_path / "data"))


def test_the_manifest_is_right():
    result = run(DATA, "--check")
    assert (result.returncode, result.stderr) == (0, ""), result.stdout


def test_every_file_has_a_command_and_none_is_too_large():
    items = json.loads((DATA / "MANIFEST.json").read_text())
    assert {"top_qcd.root", "models/toptag_small/1/model.onnx"} <= {item["file"] for item in items}
    for item in items:
        assert "data/" in item["made_by"]
        assert len(item["sha256"]) == 64
        assert 0 < item["bytes"] < 30_000_000


def test_a_file_that_changed_appeared_or_went_is_named(copy):
    with (copy / "top_qcd.root").open("ab") as stream:
        stream.write(b"x")
    (copy / "new.root").write_bytes(b"")
    (copy / "edm_rechits.root").unlink()
    result = run(copy, "--check")
    assert result.returncode == 1
    assert sorted(result.stdout.splitlines()) == [
        "edm_rechits.root: in the manifest and not there",
        "new.root: not in the manifest",
        "top_qcd.root: not as the manifest says",
    ]


def test_a_file_nobody_knows_how_to_make_is_not_listed(copy):
    (copy / "new.root").write_bytes(b"")
    result = run(copy)
    assert result.returncode == 1
    assert "no command is known that makes new.root" in result.stderr
    (copy / "new.root").unlink()
    (copy / "MANIFEST.json").unlink()
    assert run(copy).returncode == 0
    assert (copy / "MANIFEST.json").read_text() == (DATA / "MANIFEST.json").read_text()
