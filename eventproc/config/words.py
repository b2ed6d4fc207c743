"""The words that follow the job file on the command line, for who parses them while the file loads."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

_WORDS: ContextVar[tuple[str, ...] | None] = ContextVar("words", default=None)


def command_line_words() -> tuple[str, ...]:
    """The words given to the job file that loads, else those of ``python job_cfg.py word...``."""
    words = _WORDS.get()
    if words is not None:
        return words
    files = [index for index, word in enumerate(sys.argv) if word.endswith((".py", ".pyc"))]
    return tuple(sys.argv[files[0] + 1 :]) if files else ()


@contextmanager
def words_given(path: Path, words: Sequence[str]) -> Iterator[None]:
    """Makes words the command line of a job file, for VarParsing and for argparse alike."""
    token = _WORDS.set(tuple(words))
    before = sys.argv
    sys.argv = [str(path), *words]
    try:
        yield
    finally:
        sys.argv = before
        _WORDS.reset(token)
