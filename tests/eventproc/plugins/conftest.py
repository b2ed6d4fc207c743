"""Packages with entry points, as pip leaves them in a folder of sys.path."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """``install("pkg", {"mod": "text"}, plugins={"Name": "mod:A"})`` writes a package and its tables."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(package: str, modules: dict[str, str], **tables: dict[str, str]) -> None:
        for module, text in modules.items():
            (tmp_path / f"{module}.py").write_text(text)
        info = tmp_path / f"{package}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        lines = [
            line
            for group, table in tables.items()
            for line in (
                f"[eventproc.{group}]",
                *(f"{name} = {value}" for name, value in table.items()),
            )
        ]
        (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
        importlib.invalidate_caches()

    yield write
    for name in set(sys.modules) - before:
        if str(tmp_path) in (getattr(sys.modules[name], "__file__", None) or ""):
            del sys.modules[name]
