"""InputHistory: which processes made which files of an input."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

HistoryKey = tuple[tuple[str, str], ...]
"""Name and ParameterSet ID of each process."""


@dataclass(frozen=True, slots=True)
class InputHistory:
    """Files that the same processes made.

    Attributes:
        files: where they lie.
        processes: provenance of the processes, oldest first; see `provenance.process_record`.
    """

    files: tuple[str, ...]
    processes: tuple[dict[str, Any], ...]

    @property
    def key(self) -> HistoryKey:
        """What makes a history another one: a process, its configuration, or the order."""
        return history_key(self.processes)


def history_key(processes: Sequence[Mapping[str, Any]]) -> HistoryKey:
    """Names and IDs of the processes of a history."""
    return tuple((str(process.get("name", "")), str(process.get("id", ""))) for process in processes)


def joined_histories(histories: Iterable[InputHistory]) -> tuple[InputHistory, ...]:
    """Each history once, with all its files, in order of appearance."""
    joined: dict[HistoryKey, InputHistory] = {}
    for history in histories:
        before = joined.get(history.key)
        files = history.files if before is None else (*before.files, *history.files)
        processes = history.processes if before is None else before.processes
        joined[history.key] = InputHistory(tuple(dict.fromkeys(files)), processes)
    return tuple(joined.values())
