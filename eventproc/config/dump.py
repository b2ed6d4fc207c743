"""dump_python: a process as a job file that loads back to the same description."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from eventproc.config.components import Component
from eventproc.config.labels import Labelled
from eventproc.config.psets import PSet, VPSet
from eventproc.config.sequences import EndPath, FinalPath, Ordered, Path, Sequence, Step
from eventproc.config.tasks import Task

if TYPE_CHECKING:
    from eventproc.config.process import Process

LONGEST_SUM = 50
"""Steps joined by ``+``; Python's compiler recurses into each, and gives up at some hundred."""


def dump_python(process: Process) -> str:
    """The process as Python text; everything attached is there, modules on no path too.

    Modifiers are applied and fragments are dissolved; sequences and tasks stay.
    """
    dump = _Dump(process)
    head = f"import eventproc.config as cms\n\nprocess = cms.Process({process.name_()!r})\n"
    return head + "".join(f"\n{statement}\n" for statement in dump.statements())


class _Dump:
    """The statements of a process, each after those it refers to."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self._written: set[str] = set()

    def statements(self) -> Iterator[str]:
        """Components and PSets first, in the order of definition, then what refers to them."""
        held = self.process._objects
        first = [label for label in ("source", "maxEvents", "options") if label in held]
        for label in dict.fromkeys([*first, *held]):
            thing = held[label]
            if isinstance(thing, (Component, PSet, VPSet)):
                yield f"process.{label} = {thing._python('')}"
        for kind in (Task, Sequence, (Path, EndPath, FinalPath)):
            for label, thing in held.items():
                if isinstance(thing, kind):
                    yield from self._definition(label, thing)
        schedule = self.process.schedule_()
        if schedule is not None:
            paths = [self._reference(path) for path in schedule if self._kept(path)]
            tasks = [self._reference(task) for task in schedule._tasks if self._kept(task)]
            arguments = [*paths, f"tasks=[{', '.join(tasks)}]"] if tasks else paths
            yield f"process.schedule = cms.Schedule({', '.join(arguments)})"

    def _definition(self, label: str, thing: Labelled) -> Iterator[str]:
        if label in self._written:
            return
        self._written.add(label)
        for part in _parts(thing):
            now = self.process._current(part)
            if isinstance(now, (Task, Sequence)) and self._is_held(now):
                yield from self._definition(now.label_(), now)
        yield f"process.{label} = {self._construction(thing)}"

    def _construction(self, thing: Any) -> str:
        kept = [part for part in _parts(thing) if self._kept(part)]
        steps = [self._reference(part) for part in kept if not isinstance(part, Task)]
        tasks = [self._reference(part) for part in kept if isinstance(part, Task)]
        if steps and not isinstance(thing, Task) and len(steps) <= LONGEST_SUM:
            steps = [" + ".join(steps)]
        return f"cms.{type(thing).__name__}({', '.join([*steps, *tasks])})"

    def _reference(self, part: Any) -> str:
        if isinstance(part, Step):
            module = self._reference(part.module)
            return f"cms.ignore({module})" if part.ignore else f"~{module}" if part.negate else module
        now = self.process._current(part)
        if self._is_held(now):
            return f"process.{now._label}"
        return now._python("") if isinstance(now, Component) else self._construction(now)

    def _is_held(self, thing: Labelled) -> bool:
        return self.process._objects.get(thing.label_()) is thing

    def _kept(self, part: Any) -> bool:
        return self.process._current(part.module if isinstance(part, Step) else part) is not None


def _parts(thing: Any) -> list[Any]:
    if isinstance(thing, Ordered):
        return [*thing._items, *thing._tasks]
    return list(thing._members)
