"""Modifiers: changes to a configuration that are made if the process was created with them."""

# ruff: noqa: N802 - the methods are spelled as in FWCore.ParameterSet.Config
from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from eventproc.config.place import refuse
from eventproc.config.psets import Parameterizable
from eventproc.config.sequences import Ordered
from eventproc.config.tasks import Task

_CHOSEN: list[Modifier] = []
"""Modifiers in force. Written by Process through _choose; a loader empties it after each job file."""


class _Switch:
    """Something that is in force or not, and can change objects while it is."""

    def isChosen(self) -> bool:
        """Whether it is in force."""
        raise NotImplementedError

    def toModify(self, thing: Any, change: Callable[[Any], None] | None = None, **parameters: Any) -> None:
        """Changes an object if in force.

        Args:
            thing: a module, PSet, sequence...
            change: a function that changes it in place.
            parameters: instead of change, new values as for ``clone``.

        Raises:
            ConfigurationError: both or none of change and parameters are given, or a value does not fit.
        """
        if (change is None) == (not parameters):
            refuse("toModify takes either a function or parameters")
        if not self.isChosen():
            return
        if change is not None:
            change(thing)
        elif isinstance(thing, Parameterizable):
            thing._modify(parameters)
        else:
            refuse(f"toModify with parameters needs a module or PSet, not {thing!r}")

    def toReplaceWith(self, thing: Any, other: Any) -> None:
        """Turns an object into another of its kind if in force; who refers to it sees the change.

        Raises:
            ConfigurationError: they are of different kinds, or of a kind that cannot be replaced.
        """
        if not self.isChosen():
            return
        if type(thing) is not type(other) or not isinstance(thing, (Parameterizable, Ordered, Task)):
            refuse(f"toReplaceWith needs two objects of one kind, not {thing!r} and {other!r}")
        thing._become(other)

    def makeProcessModifier(self, change: Callable[[Any], None]) -> ProcessModifier:
        """A change to a whole process, made when a fragment that holds it is loaded."""
        return ProcessModifier(self, change)

    def __and__(self, other: _Switch) -> _Combined:
        return _Combined(lambda: self.isChosen() and other.isChosen())

    def __or__(self, other: _Switch) -> _Combined:
        return _Combined(lambda: self.isChosen() or other.isChosen())

    def __invert__(self) -> _Combined:
        return _Combined(lambda: not self.isChosen())


class Modifier(_Switch):
    """``phase2 = cms.Modifier()``; in force when given to ``cms.Process("X", phase2)``."""

    def isChosen(self) -> bool:
        """Whether it is in force."""
        return any(self is chosen for chosen in _CHOSEN)

    def _choose(self) -> None:
        if not self.isChosen():
            _CHOSEN.append(self)

    def _contains(self, modifier: Modifier) -> bool:
        return self is modifier


class ModifierChain:
    """Several modifiers as one, to be given to ``cms.Process``."""

    def __init__(self, *modifiers: Modifier | ModifierChain) -> None:
        """Takes modifiers and chains.

        Raises:
            ConfigurationError: something else is among them.
        """
        for modifier in modifiers:
            if not isinstance(modifier, (Modifier, ModifierChain)):
                refuse(f"cms.ModifierChain takes modifiers, not {modifier!r}")
        self._parts = modifiers

    def copyAndExclude(self, modifiers: Iterable[Modifier | ModifierChain]) -> ModifierChain:
        """The same chain without some modifiers, wherever they are in it."""
        left_out = list(modifiers)
        return ModifierChain(
            *(
                part.copyAndExclude(left_out) if isinstance(part, ModifierChain) else part
                for part in self._parts
                if part not in left_out
            )
        )

    def _choose(self) -> None:
        for part in self._parts:
            part._choose()

    def _contains(self, modifier: Modifier) -> bool:
        return any(part._contains(modifier) for part in self._parts)


class ProcessModifier:
    """A change to a whole process that waits in a fragment for ``process.load``."""

    def __init__(self, switch: _Switch, change: Callable[[Any], None]) -> None:
        """Takes what must be in force, and a function of the process."""
        self._switch = switch
        self._change = change

    def apply(self, process: Any) -> None:
        """Changes the process if in force."""
        if self._switch.isChosen():
            self._change(process)


class _Combined(_Switch):
    """Modifiers joined by ``&``, ``|`` and ``~``."""

    def __init__(self, chosen: Callable[[], bool]) -> None:
        self._is_chosen = chosen

    def isChosen(self) -> bool:
        """Whether it is in force."""
        return self._is_chosen()


def forget_chosen() -> None:
    """Takes all modifiers out of force; what was modified stays so."""
    _CHOSEN.clear()
