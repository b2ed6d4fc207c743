"""Named parameters: what modules and PSets have in common, ``cms.PSet`` and ``cms.VPSet``."""

# ruff: noqa: N802 - the methods are spelled as in FWCore.ParameterSet.Mixins
from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping
from keyword import iskeyword
from typing import Any, ClassVar, TypeVar

from eventproc.config.labels import Labelled
from eventproc.config.parameters import Parameter, frozen_value
from eventproc.config.place import refuse
from eventproc.config.vectors import Vector
from eventproc.errors import ConfigurationError, near_names
from eventproc.model.parameter_set import ParameterValue

P = TypeVar("P", bound="Parameterizable")


class Parameterizable:
    """Something whose attributes are parameters.

    A value assigned to a typed parameter keeps the type; the state of the object itself has names with
    a leading underscore.
    """

    _state: ClassVar[frozenset[str]] = frozenset({"_tracked"})

    def __init__(self, blocks: Iterable[Parameterizable], parameters: Mapping[str, Any]) -> None:
        """Takes blocks of parameters to copy, then the parameters."""
        for block in blocks:
            if not isinstance(block, PSet):
                refuse(f"{block!r} is not a cms.PSet; parameters are given by name, such as threshold = 3")
            for name, value in copy.deepcopy(block)._items():
                self._put(name, value)
        for name, value in parameters.items():
            self._put(name, value)

    def parameterNames_(self) -> list[str]:
        """Names of the parameters, in the order they were given."""
        return [name for name, _ in self._items()]

    def parameters_(self) -> dict[str, Any]:
        """Copies of all parameters by name."""
        return dict(copy.deepcopy(self)._items())

    def hasParameter(self, names: str | Iterable[str]) -> bool:
        """Whether a parameter is there; several names lead into nested PSets."""
        return self._found(names) is not None

    def getParameter(self, dotted: str) -> Any:
        """The parameter of that name, ``a.b`` for parameter b of PSet a; None if there is none."""
        return self._found(dotted.split("."))

    def clone(self: P, **changes: Any) -> P:
        """An independent copy with changes.

        Args:
            changes: new values by name; a dict changes single parameters of a PSet, or entries of a list by
                their index, and None removes a parameter.

        Raises:
            ConfigurationError: a value does not fit its type, or what is to be removed is not there.
        """
        other = self.copy()
        other._modify(changes)
        return other

    def copy(self: P) -> P:
        """An independent copy without a label."""
        other = copy.deepcopy(self)
        other.__dict__.pop("_label", None)
        return other

    def _items(self) -> list[tuple[str, Any]]:
        return [(name, value) for name, value in self.__dict__.items() if not name.startswith("_")]

    def _found(self, names: str | Iterable[str]) -> Any:
        place: Any = self
        for name in [names] if isinstance(names, str) else names:
            if not isinstance(place, Parameterizable) or name not in place.parameterNames_():
                return None
            place = place.__dict__[name]
        return place

    def _put(self, name: str, value: Any) -> None:
        old = self.__dict__.get(name)
        if old is None:
            self._check_name(name)
        if isinstance(old, Parameter) and not isinstance(value, Parameter):
            value = old._replaced(value)
        self.__dict__[name] = value

    def _check_name(self, name: str) -> None:
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) or iskeyword(name):
            refuse(f"{name!r} cannot be a parameter's name; use letters, digits and inner underscores")
        if hasattr(type(self), name):
            refuse(f"{name!r} cannot be a parameter's name: it is a method of cms.{type(self).__name__}")

    def _modify(self, changes: Mapping[str, Any]) -> None:
        for name, value in changes.items():
            old = self.__dict__.get(name)
            if value is None:
                self._remove(name)
            elif isinstance(value, Mapping) and isinstance(old, (Parameterizable, Vector)):
                old._modify(value)
            elif isinstance(value, Mapping) and isinstance(old, dict):
                self._put(name, {**old, **value})
            else:
                self._put(name, value)

    def _become(self, other: Parameterizable) -> None:
        for name in self.parameterNames_():
            del self.__dict__[name]
        self.__dict__.update(other.copy()._items())

    def _remove(self, name: str) -> None:
        if name not in self.parameterNames_():
            refuse(f"no parameter {name!r} to remove: {near_names(name, self.parameterNames_())}")
        del self.__dict__[name]

    def _frozen_parameters(self, prefix: str = "") -> dict[str, ParameterValue]:
        frozen: dict[str, ParameterValue] = {}
        problems = []
        for name, value in self._items():
            try:
                frozen[name] = frozen_value(value, prefix + name)
            except ConfigurationError as error:
                problems.append(str(error))
        if problems:
            raise ConfigurationError("; ".join(problems))
        return frozen

    def _python_parameters(self, indent: str) -> list[str]:
        return [f"{name} = {python_value(value, indent)}" for name, value in self._items()]

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self._state:
            object.__setattr__(self, name, value)
        else:
            self._put(name, value)

    def __delattr__(self, name: str) -> None:
        self._remove(name)

    def __getattr__(self, name: str) -> Any:
        # Only reached when there is no such attribute; AttributeError is what hasattr() wants.
        if name.startswith("_"):
            raise AttributeError(name)
        message = f"no parameter {name!r}: {near_names(name, self.parameterNames_())}"
        raise AttributeError(message)


class PSet(Parameter, Parameterizable, Labelled):
    """``cms.PSet(block, a = 1, b = cms.double(2))``: named parameters as one value."""

    _type = "PSet"
    _state = frozenset({"_tracked", "_label", "_where"})

    def __init__(self, *blocks: PSet, **parameters: Any) -> None:
        """Takes PSets to copy from, then the parameters, which win.

        Raises:
            ConfigurationError: a block is not a PSet or a name cannot be one.
        """
        Parameterizable.__init__(self, blocks, parameters)

    def _replaced(self, value: Any) -> Parameter:
        if not isinstance(value, Mapping):
            refuse(f"{value!r} cannot stand for a cms.PSet; give a cms.PSet or a dict")
        other = self.copy()
        other._modify(value)
        return other

    def _frozen(self, name: str) -> ParameterValue:
        return self._frozen_parameters(f"{name}.")

    def _arguments(self, indent: str) -> str:
        return python_arguments(self._python_parameters(indent + "    "), indent)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PSet) and self._items() == other._items()

    __hash__ = object.__hash__  # told apart by identity where it stands in a process


class VPSet(Vector, Labelled):
    """``cms.VPSet``: a list of PSets; dicts are taken as PSets."""

    _type = "VPSet"

    def _admitted(self, value: Any) -> PSet:
        if isinstance(value, Mapping):
            return PSet(**value)
        if not isinstance(value, PSet):
            refuse(f"cms.VPSet: {value!r} is not a cms.PSet")
        return value

    def _entries(self, values: tuple[Any, ...]) -> Iterable[Any]:
        return values if len(values) == 1 and isinstance(values[0], PSet) else super()._entries(values)

    def _modify(self, changes: Mapping[int, Any]) -> None:
        for index, value in changes.items():
            if isinstance(value, Mapping):
                self[index]._modify(value)
            else:
                self[index] = value

    def _arguments(self, indent: str) -> str:
        return python_arguments([entry._python(indent + "    ") for entry in self], indent)


def python_value(value: Any, indent: str) -> str:
    """A typed or plain value as Python text; what it freezes to stays the same."""
    return value._python(indent) if isinstance(value, Parameter) else repr(frozen_value(value, ""))


def python_arguments(arguments: list[str], indent: str) -> str:
    """Arguments of a call, one a line."""
    return "".join(f"\n{indent}    {argument}," for argument in arguments) + (
        f"\n{indent}" if arguments else ""
    )
