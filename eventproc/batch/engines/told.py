"""Attempts of one task may be told to the engine in different ways: groups them by what they were told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from eventproc.batch.engines.base import Engine

ItemT = TypeVar("ItemT")


def by_options(
    engine: Engine, items: Iterable[tuple[Mapping[str, str], ItemT]]
) -> Iterator[tuple[Engine, list[ItemT]]]:
    """The engine told each set of options, with the items that go with them, in their order.

    Args:
        engine: the task's.
        items: options of an attempt, and the attempt in whatever form.

    Raises:
        ConfigurationError: an option is not known, or has a value that it cannot have.
    """
    groups: dict[tuple[tuple[str, str], ...], list[ItemT]] = {}
    for options, item in items:
        groups.setdefault(tuple(sorted(options.items())), []).append(item)
    told = [(engine.told(dict(options)), group) for options, group in groups.items()]
    yield from told
