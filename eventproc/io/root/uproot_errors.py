"""Where uproot's exceptions become ours: damaged files make it raise whatever numpy and the codecs raise."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from eventproc.errors import EventProcError, FileOpenError, FileReadError


@contextmanager
def opening(what: str, pfn: str) -> Iterator[None]:
    """Turns exceptions while a file or tree is looked at into FileOpenError.

    Args:
        what: what is looked at, such as ``tree 'Events'``; "" for the file itself.
        pfn: the file.
    """
    try:
        yield
    except EventProcError:
        raise
    except Exception as error:
        message = f"cannot open {f'{what} of ' if what else ''}input file {pfn!r}: {_first_line(error)}"
        raise FileOpenError(message) from error


@contextmanager
def reading(branch: str, start: int, stop: int, pfn: str) -> Iterator[None]:
    """Turns exceptions while entries [start, stop) of a branch are read into FileReadError."""
    try:
        yield
    except EventProcError:
        raise
    except Exception as error:
        message = (
            f"cannot read branch {branch!r}, entries {start} to {stop - 1}, of input file {pfn!r}: "
            f"{_first_line(error)}"
        )
        raise FileReadError(message) from error


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
