"""The typed values of a job file: ``cms.int32(3)``, ``cms.untracked.string("x")``."""

# ruff: noqa: N802 - the methods are spelled as in FWCore.ParameterSet.Types
from __future__ import annotations

import math
import operator
import os
from collections.abc import Mapping
from typing import Any, ClassVar, Generic, TypeVar

from eventproc.config.place import refuse
from eventproc.errors import ConfigurationError
from eventproc.model.input_tag import InputTag as ModelInputTag
from eventproc.model.parameter_set import ParameterValue

V = TypeVar("V")


class Parameter:
    """Base of all typed values.

    Names of the implementation start with an underscore, so that a PSet can hold any public name.
    """

    _type: ClassVar[str] = ""
    _tracked: bool = True

    def isTracked(self) -> bool:
        """Whether the value enters the ParameterSet ID."""
        return self._tracked

    def setIsTracked(self, tracked: bool) -> None:
        """Makes the value tracked or untracked."""
        self._tracked = tracked

    def _replaced(self, value: Any) -> Parameter:
        """The same type and tracking around another value."""
        raise NotImplementedError

    def _frozen(self, name: str) -> ParameterValue:
        """The JSON value; name is for messages."""
        raise NotImplementedError

    def _arguments(self, indent: str) -> str:
        """What stands between the parentheses when the value is written as Python."""
        raise NotImplementedError

    def _python(self, indent: str) -> str:
        tracking = "" if self._tracked else "untracked."
        return f"cms.{tracking}{self._type}({self._arguments(indent)})"

    def __repr__(self) -> str:
        return self._python("")


class Scalar(Parameter, Generic[V]):
    """A typed single value; compares and orders as the value itself."""

    def __init__(self, value: Any) -> None:
        """Takes the value.

        Raises:
            ConfigurationError: it is of another type or out of range.
        """
        self._value: V = self._checked(value)

    @classmethod
    def _checked(cls, value: Any) -> V:
        raise NotImplementedError

    def value(self) -> V:
        """The plain value."""
        return self._value

    def setValue(self, value: Any) -> None:
        """Changes the value, checked as on construction."""
        self._value = self._checked(_plain(value))

    def _replaced(self, value: Any) -> Parameter:
        other = type(self).__new__(type(self))
        other._tracked = self._tracked
        other._value = self._checked(value)
        return other

    def _frozen(self, name: str) -> ParameterValue:  # noqa: ARG002 - nothing can go wrong here
        return self._value  # type: ignore[return-value]  # every V is a JSON value

    def _arguments(self, indent: str) -> str:  # noqa: ARG002 - one line is enough
        return repr(self._value)

    def __eq__(self, other: object) -> bool:
        return bool(self._value == _plain(other))

    __hash__ = None  # type: ignore[assignment]  # a value that can change has no hash

    def __lt__(self, other: Any) -> bool:
        return bool(self._value < _plain(other))

    def __le__(self, other: Any) -> bool:
        return bool(self._value <= _plain(other))

    def __gt__(self, other: Any) -> bool:
        return bool(self._value > _plain(other))

    def __ge__(self, other: Any) -> bool:
        return bool(self._value >= _plain(other))

    def __bool__(self) -> bool:
        return bool(self._value)


class Bool(Scalar[bool]):
    """``cms.bool``: True or False."""

    _type = "bool"

    @classmethod
    def _checked(cls, value: Any) -> bool:
        if type(value).__name__ not in ("bool", "bool_"):  # numpy's bool too
            refuse(f"cms.{cls._type}: {value!r} is neither True nor False")
        return bool(value)


class _Integer(Scalar[int]):
    """A whole number in a range."""

    _low: ClassVar[int]
    _high: ClassVar[int]

    @classmethod
    def _checked(cls, value: Any) -> int:
        try:
            number = operator.index(value)
        except TypeError:
            refuse(f"cms.{cls._type}: {value!r} is not a whole number")
        if isinstance(value, bool):
            refuse(f"cms.{cls._type}: {value!r} is a bool; write 0 or 1, or use cms.bool")
        if not cls._low <= number <= cls._high:
            refuse(f"cms.{cls._type}: {number} is outside {cls._low}..{cls._high}")
        return number

    def __int__(self) -> int:
        return self._value

    __index__ = __int__

    def __float__(self) -> float:
        return float(self._value)


class Int32(_Integer):
    """``cms.int32``."""

    _type, _low, _high = "int32", -(2**31), 2**31 - 1


class UInt32(_Integer):
    """``cms.uint32``."""

    _type, _low, _high = "uint32", 0, 2**32 - 1


class Int64(_Integer):
    """``cms.int64``."""

    _type, _low, _high = "int64", -(2**63), 2**63 - 1


class UInt64(_Integer):
    """``cms.uint64``."""

    _type, _low, _high = "uint64", 0, 2**64 - 1


class Double(Scalar[float]):
    """``cms.double``: a finite number."""

    _type = "double"

    @classmethod
    def _checked(cls, value: Any) -> float:
        if isinstance(value, (str, bytes, bool)) or not hasattr(value, "__float__"):
            refuse(f"cms.{cls._type}: {value!r} is not a number")
        number = float(value)
        if not math.isfinite(number):
            refuse(f"cms.{cls._type}: {number} cannot be stored; write a large finite number such as 1e300")
        return number

    def __float__(self) -> float:
        return self._value


class String(Scalar[str]):
    """``cms.string``."""

    _type = "string"

    @classmethod
    def _checked(cls, value: Any) -> str:
        if not isinstance(value, (str, os.PathLike)):
            refuse(f"cms.{cls._type}: {value!r} is not text")
        return str(os.fspath(value))

    def __str__(self) -> str:
        return self._value


class FileInPath(String):
    """``cms.FileInPath``: the name of a file; it stays as written, who uses it looks the file up."""

    _type = "FileInPath"

    @classmethod
    def _checked(cls, value: Any) -> str:
        text = super()._checked(value)
        if not text:
            refuse("cms.FileInPath: the name of the file is empty")
        return text


def frozen_value(value: Any, name: str) -> ParameterValue:
    """A parameter as a JSON value.

    Args:
        value: a typed or a plain value, nested as deep as you like.
        name: the parameter's name, for messages.

    Raises:
        ConfigurationError: a plain value cannot be a parameter.
    """
    if isinstance(value, Parameter):
        return value._frozen(name)
    if value is None or type(value) in (bool, int, str):
        return value  # type: ignore[no-any-return]
    if isinstance(value, (str, os.PathLike, ModelInputTag)):
        return str(value)
    if isinstance(value, Mapping):
        return {_key(key, name): frozen_value(inner, f"{name}.{key}") for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [frozen_value(inner, f"{name}[{index}]") for index, inner in enumerate(value)]
    if hasattr(value, "tolist"):  # numpy's scalars and arrays
        return frozen_value(value.tolist(), name)
    return _frozen_number(value, name)


def _frozen_number(value: Any, name: str) -> ParameterValue:
    if not isinstance(value, (int, float)):
        message = (
            f"parameter {name!r}: a value of type {type(value).__name__} cannot be a parameter; "
            "use numbers, text, lists, dicts or cms.PSet"
        )
        raise ConfigurationError(message)
    if isinstance(value, float) and not math.isfinite(value):
        message = f"parameter {name!r}: {value} cannot be stored; write a large finite number such as 1e300"
        raise ConfigurationError(message)
    return int(value) if isinstance(value, int) else float(value)


def _key(key: Any, name: str) -> str:
    if not isinstance(key, str):
        message = f"parameter {name!r}: the key {key!r} is not text"
        raise ConfigurationError(message)
    return key


def _plain(value: Any) -> Any:
    return value._value if isinstance(value, Scalar) else value
