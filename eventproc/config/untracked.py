"""``cms.untracked``: the typed values once more, outside the ParameterSet ID."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from eventproc.config import identifiers, parameters, psets, vectors
from eventproc.config.parameters import Parameter
from eventproc.config.place import refuse
from eventproc.errors import near_names

P = TypeVar("P", bound=Parameter)

TYPES: dict[str, type[Parameter]] = {
    value._type: value
    for module in (parameters, identifiers, vectors, psets)
    for value in vars(module).values()
    if isinstance(value, type) and issubclass(value, Parameter) and value._type
}
"""Every typed value by the name a job file calls it."""


class _Untracked:
    """``cms.untracked.int32(3)`` and ``cms.untracked(cms.int32(3))``."""

    def __call__(self, value: P) -> P:
        """Makes a typed value untracked.

        Raises:
            ConfigurationError: it is not a typed value.
        """
        if not isinstance(value, Parameter):
            refuse(f"cms.untracked takes a typed value such as cms.int32(3), not {value!r}")
        value.setIsTracked(False)
        return value

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in TYPES:
            message = f"cms.untracked has no {name!r}: {near_names(name, TYPES)}"
            raise AttributeError(message)

        def build(*arguments: Any, **named: Any) -> Parameter:
            return self(TYPES[name](*arguments, **named))

        return build


untracked = _Untracked()
