"""What runs in which order on a path: the ``+ * ~`` algebra, Sequence, Path, EndPath and FinalPath."""

# ruff: noqa: N802 - the methods are spelled as in FWCore.ParameterSet.SequenceTypes
from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from eventproc.config.labels import Labelled
from eventproc.config.place import caller_place, refuse
from eventproc.config.tasks import Task
from eventproc.errors import ConfigurationError
from eventproc.model.descriptions import PathKind

S = TypeVar("S", bound="Ordered")


class Sequenceable:
    """What can stand on a path: a module, a Sequence, and what the operators make of them."""

    def __add__(self, other: object) -> Expression:
        if isinstance(other, Task):
            refuse(
                "a Task has no place in an order: use .associate(task), or give it as an argument of its own"
            )
        if not isinstance(other, Sequenceable):
            return NotImplemented
        return Expression((*self._parts(), *other._parts()))

    __mul__ = __add__

    def __invert__(self) -> Step:
        return self._step("~").inverted()

    def _parts(self) -> tuple[Sequenceable, ...]:
        return (self,)

    def _step(self, word: str) -> Step:  # noqa: ARG002 - who cannot be a step names the operator
        """Itself as a step whose decision can be changed."""
        return Step(self)


@dataclass(frozen=True, slots=True)
class Step(Sequenceable):
    """A module with its decision inverted or ignored."""

    module: Sequenceable
    negate: bool = False
    ignore: bool = False

    def inverted(self) -> Step:
        """The step that goes on where this one stops."""
        return Step(self.module, not self.negate, self.ignore)

    def _step(self, word: str) -> Step:  # noqa: ARG002 - works with every operator
        return self


@dataclass(frozen=True, slots=True)
class Expression(Sequenceable):
    """Steps in order, as ``a + b`` makes them."""

    parts: tuple[Sequenceable, ...]

    def _parts(self) -> tuple[Sequenceable, ...]:
        return self.parts

    def _step(self, word: str) -> Step:
        refuse(f"{word} works on a single module, not on {len(self.parts)} of them")


def ignore(module: Sequenceable) -> Step:
    """The module runs, and the path goes on whatever it decides.

    Raises:
        ConfigurationError: it is not a single module.
    """
    if not isinstance(module, Sequenceable):
        refuse(f"cms.ignore takes a module, not {module!r}")
    return Step(module._step("cms.ignore").module, ignore=True)


def wait(module: Sequenceable) -> Step:
    """The module, as CMSSW's ``cms.wait``: what follows it on its path waits for it, as it always does here.

    Raises:
        ConfigurationError: it is not a single module.
    """
    if not isinstance(module, Sequenceable):
        refuse(f"cms.wait takes a module, not {module!r}")
    return Step(module._step("cms.wait").module)


class Ordered(Labelled):
    """Base of sequences and paths: parts in order, and associated tasks."""

    def __init__(self, *parts: Sequenceable | Task) -> None:
        """Takes modules, sequences and what ``+`` makes of them, in order, and tasks to associate.

        Raises:
            ConfigurationError: something else is among them.
        """
        self._where = caller_place()
        self._tasks: list[Task] = [part for part in parts if isinstance(part, Task)]
        self._items: list[Sequenceable] = []
        for part in parts:
            if not isinstance(part, Task):
                self._items.extend(self._checked(part))

    def associate(self, *tasks: Task) -> None:
        """Lets the modules of tasks run on demand for what is here.

        Raises:
            ConfigurationError: something is not a Task.
        """
        for task in tasks:
            if not isinstance(task, Task):
                refuse(f"associate takes cms.Task, not {task!r}")
            self._tasks.append(task)

    def insert(self, index: int, part: Sequenceable) -> None:
        """Puts a part before the part of that index."""
        self._items[index:index] = self._checked(part)

    def append(self, part: Sequenceable) -> None:
        """Puts a part at the end."""
        self._items.extend(self._checked(part))

    def index(self, part: Sequenceable) -> int:
        """Where a part is, not looking into sequences.

        Raises:
            ValueError: it is not there.
        """
        return self._items.index(part)

    def replace(self, old: Sequenceable, new: Sequenceable) -> bool:
        """Puts another part wherever one is, in nested sequences too, which are then unfolded here.

        Returns:
            Whether it was there.
        """
        into = self._checked(new)

        def change(item: Sequenceable) -> list[Sequenceable]:
            if item is old:
                return into
            if isinstance(item, Step) and item.module is old:
                return [Step(new, item.negate, item.ignore)]
            return [item]

        return self._rewrite(change)

    def remove(self, part: Sequenceable) -> bool:
        """Takes out the first occurrence of a part.

        Returns:
            Whether it was there.
        """
        found = False

        def change(item: Sequenceable) -> list[Sequenceable]:
            nonlocal found
            if not found and (item is part or (isinstance(item, Step) and item.module is part)):
                found = True
                return []
            return [item]

        return self._rewrite(change)

    def copy(self: S) -> S:
        """Another one of the same parts and tasks, without a label."""
        return type(self)(*self._items, *self._tasks)

    def copyAndExclude(self: S, parts: list[Sequenceable]) -> S:
        """A copy without any occurrence of some parts."""
        other = self.copy()
        for part in parts:
            while other.remove(part):
                pass
        return other

    def contains(self, part: Sequenceable) -> bool:
        """Whether a part is here or in a nested sequence."""
        return any(
            item is part
            or (isinstance(item, Step) and item.module is part)
            or (isinstance(item, Sequence) and item.contains(part))
            for item in self._items
        )

    def moduleNames(self) -> set[str]:
        """Labels of all modules, those of tasks included."""
        steps = {
            step.module.label_()
            for step in walk(self, lambda part: part)
            if isinstance(step.module, Labelled)
        }
        return steps.union(*(task.moduleNames() for task in self._tasks))

    def _checked(self, part: Any) -> list[Sequenceable]:
        if not isinstance(part, Sequenceable):
            refuse(f"cms.{type(self).__name__} takes modules and sequences, not {part!r}")
        return list(part._parts())

    def _rewrite(self, change: Callable[[Sequenceable], list[Sequenceable]]) -> bool:
        items, tasks = _rewritten(self, change)
        changed = items != self._items
        self._items, self._tasks = items, self._tasks + tasks
        return changed

    def _become(self, other: Ordered) -> None:
        self._items, self._tasks = list(other._items), list(other._tasks)

    def __iadd__(self: S, part: Sequenceable) -> S:
        self._items.extend(self._checked(part))
        return self

    __imul__ = __iadd__


class Sequence(Ordered, Sequenceable):
    """Modules in order, to be put on paths."""

    def _step(self, word: str) -> Step:
        refuse(f"{word} works on a single module, not on a Sequence")


class Path(Ordered):
    """Modules in order, until a filter says no."""

    _kind: ClassVar[PathKind] = "Path"


class EndPath(Ordered):
    """Modules that run after all paths, whatever filters say."""

    _kind: ClassVar[PathKind] = "EndPath"


class FinalPath(Ordered):
    """Output modules, after everything else."""

    _kind: ClassVar[PathKind] = "FinalPath"


def walk(ordered: Ordered, current: Callable[[Any], Any]) -> Iterator[Step]:
    """All steps, nested sequences unfolded.

    Args:
        ordered: a sequence or path.
        current: what an item stands for now: another object of its label, or None to leave it out.

    Raises:
        ConfigurationError: a sequence contains itself.
    """
    yield from _walk(ordered, current, ())


def _walk(ordered: Ordered, current: Callable[[Any], Any], around: tuple[Ordered, ...]) -> Iterator[Step]:
    if ordered in around:
        message = f"{ordered._described()} contains itself"
        raise ConfigurationError(message)
    for item in ordered._items:
        step = item if isinstance(item, Step) else Step(item)
        part = current(step.module)
        if isinstance(part, Sequence):
            yield from _walk(part, current, (*around, ordered))
        elif part is not None:
            yield Step(part, step.negate, step.ignore)


def associated_tasks(ordered: Ordered, current: Callable[[Any], Any]) -> Iterator[Task]:
    """The tasks of a sequence or path and of the sequences in it; arguments as for `walk`."""
    yield from ordered._tasks
    for item in ordered._items:
        part = current(item)
        if isinstance(part, Sequence):
            yield from associated_tasks(part, current)


def _rewritten(
    ordered: Ordered, change: Callable[[Sequenceable], list[Sequenceable]]
) -> tuple[list[Sequenceable], list[Task]]:
    items: list[Sequenceable] = []
    tasks: list[Task] = []
    for item in ordered._items:
        changed = change(item)
        if changed == [item] and isinstance(item, Sequence):
            inner, inner_tasks = _rewritten(item, change)
            if inner != item._items:
                changed = inner
                tasks += [*item._tasks, *inner_tasks]
        items += changed
    return items, tasks
