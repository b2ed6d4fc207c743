"""FileMerge: how the files that several processes of a job wrote become the one that was asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

FileMerge = Callable[[Sequence[Path], Path], None]
"""Takes the files, in the order of their events, and the file to write. Raises FileWriteError."""
