"""EventSelection: which events an output wants, by what became of them on paths (CMSSW's SelectEvents)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from eventproc.errors import ConfigurationError, near_names
from eventproc.model.trigger_results import PathState

_EXCEPTION = "exception@"
_EXPRESSION = re.compile(rf"(?P<word>!|{_EXCEPTION})?(?P<path>[\w*?]+)(?::(?P<process>\w+))?")


@dataclass(frozen=True, slots=True)
class Criterion:
    """One expression.

    Attributes:
        text: as written.
        state: the state that it asks for.
        pattern: of path names; ``*`` and ``?`` as in a shell.
        process: whose paths; "" for those of the job that runs.
    """

    text: str
    state: PathState
    pattern: str
    process: str

    @classmethod
    def parse(cls, text: str, whose: str) -> Criterion:
        """Reads ``p``, ``!p`` or ``exception@p``, with wildcards, and ``:PROCESS`` behind it.

        Args:
            text: the expression.
            whose: who wants it, for messages.

        Raises:
            ConfigurationError: it is none of these.
        """
        found = _EXPRESSION.fullmatch(text.strip())
        if found is None:
            message = (
                f"{whose}: SelectEvents expression {text!r} is not understood; write 'path', '!path' or "
                "'exception@path', with * and ? as wildcards, and ':PROCESS' behind it for an earlier process"
            )
            raise ConfigurationError(message)
        states: dict[str | None, PathState] = {
            None: PathState.Pass,
            "!": PathState.Fail,
            _EXCEPTION: PathState.Exception,
        }
        return cls(text, states[found["word"]], found["path"], found["process"] or "")


class EventSelection:
    """Criteria on the paths of one process; an event that meets one of them is wanted.

    ``p*`` is met when one of the paths it matches passed, ``!p*`` only when all of them were stopped by
    filters, ``exception@p*`` when one of them was stopped by an error (CMSSW's EventSelector).
    """

    def __init__(self, criteria: Sequence[Criterion], paths: Sequence[str], whose: str) -> None:
        """Finds the rows that each criterion speaks of.

        Args:
            criteria: all of one process.
            paths: that process's paths, in the order of the rows of its TriggerResults.
            whose: who wants it, for messages.

        Raises:
            ConfigurationError: a criterion matches no path.
        """
        self._rows = [(criterion.state, _matching(criterion, paths, whose)) for criterion in criteria]

    def wants(self, states: bytes) -> bool:
        """Whether an event is wanted.

        Args:
            states: the state on each path, one byte each.
        """
        for state, rows in self._rows:
            met = [states[row] == state for row in rows]
            if all(met) if state is PathState.Fail else any(met):
                return True
        return False


def _matching(criterion: Criterion, paths: Sequence[str], whose: str) -> list[int]:
    rows = [row for row, path in enumerate(paths) if fnmatchcase(path, criterion.pattern)]
    if not rows:
        process = f" of process {criterion.process!r}" if criterion.process else ""
        message = (
            f"{whose}: SelectEvents expression {criterion.text!r} matches no path{process}: "
            f"{near_names(criterion.pattern, paths)}"
        )
        raise ConfigurationError(message)
    return rows
