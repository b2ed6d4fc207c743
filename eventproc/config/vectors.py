"""Typed lists of a job file: ``cms.vint32(1, 2)``, ``cms.VInputTag("a", "b:c")``."""

# ruff: noqa: N802 - the methods are spelled as in FWCore.ParameterSet.Types
from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

from eventproc.config import identifiers
from eventproc.config.parameters import (
    Bool,
    Double,
    Int32,
    Int64,
    Parameter,
    Scalar,
    String,
    UInt32,
    UInt64,
    frozen_value,
)
from eventproc.model.parameter_set import ParameterValue


class Vector(Parameter):
    """A typed list; works as a list whose entries are checked."""

    _element: ClassVar[type[Scalar[Any]]]

    def __init__(self, *values: Any) -> None:
        """Takes the entries, or one iterable of them.

        Raises:
            ConfigurationError: an entry is of another type or out of range.
        """
        self._values: list[Any] = [self._admitted(value) for value in self._entries(values)]

    def _entries(self, values: tuple[Any, ...]) -> Iterable[Any]:
        if len(values) == 1 and isinstance(values[0], Iterable) and not isinstance(values[0], (str, Mapping)):
            return values[0]
        return values

    def _admitted(self, value: Any) -> Any:
        return self._element._checked(value._value if isinstance(value, Scalar) else value)

    def value(self) -> list[Any]:
        """The entries as a plain list."""
        return list(self._values)

    def setValue(self, values: Iterable[Any]) -> None:
        """Replaces all entries."""
        self._values = [self._admitted(value) for value in self._entries((values,))]

    def append(self, value: Any) -> None:
        """Adds an entry at the end."""
        self._values.append(self._admitted(value))

    def extend(self, values: Iterable[Any]) -> None:
        """Adds entries at the end."""
        self._values.extend(self._admitted(value) for value in values)

    def insert(self, index: int, value: Any) -> None:
        """Adds an entry before an index."""
        self._values.insert(index, self._admitted(value))

    def remove(self, value: Any) -> None:
        """Removes the first entry equal to a value."""
        self._values.remove(value)

    def index(self, value: Any) -> int:
        """Where the first entry equal to a value is."""
        return self._values.index(value)

    def _modify(self, changes: Mapping[int, Any]) -> None:
        for index, value in changes.items():
            self[index] = value

    def _replaced(self, value: Any) -> Parameter:
        other = type(self)(*self._entries((value,)))
        other._tracked = self._tracked
        return other

    def _frozen(self, name: str) -> ParameterValue:
        return [frozen_value(value, f"{name}[{index}]") for index, value in enumerate(self._values)]

    def _arguments(self, indent: str) -> str:  # noqa: ARG002 - one line is enough
        return ", ".join(repr(value) for value in self._values)

    def __iadd__(self, values: Iterable[Any]) -> Vector:
        self.extend(values)
        return self

    def __add__(self, values: Iterable[Any]) -> Parameter:
        return self._replaced([*self._values, *values])

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values)

    def __contains__(self, value: object) -> bool:
        return value in self._values

    def __getitem__(self, index: Any) -> Any:
        return self._values[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(index, slice):
            self._values[index] = [self._admitted(entry) for entry in value]
        else:
            self._values[index] = self._admitted(value)

    def __delitem__(self, index: Any) -> None:
        del self._values[index]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, (Vector, list, tuple)):
            return self._values == list(other)
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]  # a list that can change has no hash


class VBool(Vector):
    """``cms.vbool``."""

    _type, _element = "vbool", Bool


class VInt32(Vector):
    """``cms.vint32``."""

    _type, _element = "vint32", Int32


class VUInt32(Vector):
    """``cms.vuint32``."""

    _type, _element = "vuint32", UInt32


class VInt64(Vector):
    """``cms.vint64``."""

    _type, _element = "vint64", Int64


class VUInt64(Vector):
    """``cms.vuint64``."""

    _type, _element = "vuint64", UInt64


class VDouble(Vector):
    """``cms.vdouble``."""

    _type, _element = "vdouble", Double


class VString(Vector):
    """``cms.vstring``."""

    _type, _element = "vstring", String


class _VIdentifier(Vector):
    """A list whose entries are typed themselves, so that their parts can be asked for."""

    def _admitted(self, value: Any) -> Any:
        if isinstance(value, self._element):
            return value
        return self._element(super()._admitted(value))

    def _arguments(self, indent: str) -> str:  # noqa: ARG002 - one line is enough
        return ", ".join(repr(str(value)) for value in self._values)


class VInputTag(_VIdentifier):
    """``cms.VInputTag``."""

    _type, _element = "VInputTag", identifiers.InputTag


class VESInputTag(_VIdentifier):
    """``cms.VESInputTag``."""

    _type, _element = "VESInputTag", identifiers.ESInputTag


class VEventID(_VIdentifier):
    """``cms.VEventID``."""

    _type, _element = "VEventID", identifiers.EventID


class VEventRange(_VIdentifier):
    """``cms.VEventRange``."""

    _type, _element = "VEventRange", identifiers.EventRange


class VLuminosityBlockID(_VIdentifier):
    """``cms.VLuminosityBlockID``."""

    _type, _element = "VLuminosityBlockID", identifiers.LuminosityBlockID


class VLuminosityBlockRange(_VIdentifier):
    """``cms.VLuminosityBlockRange``."""

    _type, _element = "VLuminosityBlockRange", identifiers.LuminosityBlockRange
