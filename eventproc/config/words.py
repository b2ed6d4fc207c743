"""The words that follow the job file on the command line, for who parses them while the file loads."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any


class CommandLine(list[str]):
    """``sys.argv`` of a job file; knows whether anybody looked at it."""

    was_read = False

    def __getitem__(self, index: Any) -> Any:
        self.was_read = True
        return super().__getitem__(index)

    def __iter__(self) -> Iterator[str]:
        self.was_read = True
        return super().__iter__()

    def __len__(self) -> int:
        self.was_read = True
        return super().__len__()

    def __contains__(self, word: object) -> bool:
        self.was_read = True
        return super().__contains__(word)


_GIVEN: ContextVar[CommandLine | None] = ContextVar("command_line", default=None)


def command_line_words() -> tuple[str, ...]:
    """The words given to the job file that loads, else those of ``python job_cfg.py word...``."""
    given = _GIVEN.get()
    if given is not None:
        return tuple(given[1:])
    files = [index for index, word in enumerate(sys.argv) if word.endswith((".py", ".pyc"))]
    return tuple(sys.argv[files[0] + 1 :]) if files else ()


@contextmanager
def words_given(path: Path, words: Sequence[str]) -> Iterator[CommandLine]:
    """Makes words the command line of a job file, for VarParsing and for argparse alike."""
    given = CommandLine([str(path), *words])
    token, before = _GIVEN.set(given), sys.argv
    sys.argv = given
    try:
        yield given
    finally:
        sys.argv = before
        _GIVEN.reset(token)
