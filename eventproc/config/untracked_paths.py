"""Which values of a component are untracked, however deep: ``threshold``, ``pset.inner``, ``vpset.0.x``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from eventproc.config.parameters import Parameter
from eventproc.config.psets import Parameterizable
from eventproc.config.vectors import Vector


def untracked_paths(holder: Parameterizable) -> tuple[str, ...]:
    """The paths of all untracked values; what lies inside an untracked one is not listed again."""
    return tuple(_of_named(holder._items()))


def _of_named(items: list[tuple[str, Any]]) -> Iterator[str]:
    for name, value in items:
        if isinstance(value, Parameter) and not value.isTracked():
            yield name
        else:
            yield from (f"{name}.{inner}" for inner in _inside(value))


def _inside(value: Any) -> Iterator[str]:
    if isinstance(value, Parameterizable):
        yield from _of_named(value._items())
    elif isinstance(value, Mapping):
        yield from _of_named(list(value.items()))
    elif isinstance(value, (Vector, list, tuple)):
        yield from _of_named([(str(place), entry) for place, entry in enumerate(value)])
