"""Remembers which tiles were fastest on a device, in one small file of the user's cache folder."""

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import msgspec

from accelerator_server.backends.opencl.tiling import Problem, Tile

_Entries = dict[str, dict[str, tuple[int, int, int]]]


def default_cache_path() -> Path:
    """Where the XDG Base Directory Specification wants it."""
    folder = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(folder) / "accelerator_server" / "opencl_tiles.json"


class TileCache:
    """Device -> problem -> tile, in a JSON file; a file that is damaged or cannot be written is no error.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, device: str) -> dict[str, Tile]:
        """Tiles of a device by problem, as text; empty where it was not measured."""
        return {problem: Tile(*sizes) for problem, sizes in self._entries().get(device, {}).items()}

    def add(self, device: str, tiles: Mapping[Problem, Tile]) -> None:
        """Remembers tiles beside those that are there."""
        entries = self._entries()
        known = entries.setdefault(device, {})
        known.update({str(p): (t.rows, t.columns, t.blocks) for p, t in tiles.items()})
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=self._path.parent, delete=False) as file:
                json.dump(entries, file, indent=1)
            Path(file.name).replace(self._path)
        except OSError:
            return  # a read-only home costs a search at the next start, nothing else

    def _entries(self) -> _Entries:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=_Entries)
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            return {}
