"""Runs ``eventproc`` within the test's process, which spares it a start of Python."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from eventproc.cli.main import main
from tests.eventproc.plugins.conftest import install

__all__ = ["install"]

ROOT = Path(__file__).resolve().parents[3]
SAMPLE = ROOT / "data" / "top_qcd.root"
EDM = ROOT / "data" / "edm_rechits.root"
CONFIGS = ROOT / "python_configs"


@dataclass(frozen=True)
class Ended:
    """A command that ended."""

    code: int
    out: str
    err: str


Command = Callable[..., Ended]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    """``command("files", path)`` runs a command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    importlib.import_module("uproot")  # what it prints or warns of is not the command's

    def run(*words: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["eventproc", *map(str, words)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ending:
            main()
        said = capsys.readouterr()
        code = ending.value.code
        return Ended(code if isinstance(code, int) else 0, said.out, said.err)

    return run
