"""Job files for the tests of the language, written to a folder and loaded as the command line does."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from eventproc.config.loader import load_process
from eventproc.config.process import Process

LoadText = Callable[..., Process]


@pytest.fixture
def load_text(tmp_path: Path) -> LoadText:
    """Loads the text of a job file; further files of its folder are given by name."""

    def load(text: str, *words: str, **files: str) -> Process:
        for name, content in files.items():
            (tmp_path / f"{name}.py").write_text(textwrap.dedent(content))
        path = tmp_path / "job_cfg.py"
        path.write_text(textwrap.dedent(text))
        return load_process(path, words)

    return load
