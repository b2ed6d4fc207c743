"""Watchers: the service hooks of a job, only those that some service overrides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from eventproc.modules.service import Service


class Watchers:
    """Tuples of bound hooks by name; an unwatched job pays for empty loops only."""

    __slots__ = (
        "begin_job",
        "begin_stream",
        "end_job",
        "post_acquire",
        "post_event",
        "post_module",
        "pre_event",
        "pre_module",
    )

    def __init__(self, services: Sequence[Service]) -> None:
        for hook in self.__slots__:
            setattr(self, hook, _overridden(services, hook))

    begin_job: tuple[Callable[[int | None], None], ...]
    begin_stream: tuple[Callable[[int], None], ...]
    end_job: tuple[Callable[[], None], ...]
    pre_event: tuple[Callable[[Any], None], ...]
    post_event: tuple[Callable[[Any], None], ...]
    pre_module: tuple[Callable[[Any, str], None], ...]
    post_acquire: tuple[Callable[[Any, str], None], ...]
    post_module: tuple[Callable[[Any, str], None], ...]


def _overridden(services: Sequence[Service], hook: str) -> tuple[Any, ...]:
    return tuple(getattr(s, hook) for s in services if getattr(type(s), hook) is not getattr(Service, hook))
