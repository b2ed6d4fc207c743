"""What runs on demand: Task and ConditionalTask."""

# ruff: noqa: N802 - the methods are spelled as in FWCore.ParameterSet.SequenceTypes
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from eventproc.config.labels import Labelled
from eventproc.config.place import caller_place, refuse
from eventproc.errors import ConfigurationError

T = TypeVar("T", bound="Task")


class Task(Labelled):
    """Modules without an order: each runs if another module consumes what it makes."""

    _on_tasks = True

    def __init__(self, *members: Labelled) -> None:
        """Takes modules and tasks.

        Raises:
            ConfigurationError: something else is among them.
        """
        self._where = caller_place()
        self._members: list[Labelled] = []
        self.add(*members)

    def add(self, *members: Any) -> None:
        """Adds modules and tasks.

        Raises:
            ConfigurationError: something else is among them.
        """
        for member in members:
            if not isinstance(member, Labelled) or not member._on_tasks:
                refuse(f"cms.{type(self).__name__} takes producers, filters and tasks, not {_named(member)}")
            self._members.append(member)

    def remove(self, member: Labelled) -> bool:
        """Takes a member out; returns whether it was there, not looking into tasks."""
        found = member in self._members
        self._members = [other for other in self._members if other is not member]
        return found

    def replace(self, old: Labelled, new: Labelled) -> bool:
        """Puts another member in the place of one; returns whether it was there."""
        found = old in self._members
        self._members = [new if other is old else other for other in self._members]
        return found

    def copy(self: T) -> T:
        """Another one of the same members, without a label."""
        return type(self)(*self._members)

    def copyAndAdd(self: T, *members: Labelled) -> T:
        """A copy with more members."""
        return type(self)(*self._members, *members)

    def copyAndExclude(self: T, members: Iterable[Labelled]) -> T:
        """A copy without some members."""
        left_out = list(members)
        return type(self)(*(member for member in self._members if member not in left_out))

    def contains(self, member: Labelled) -> bool:
        """Whether a member is here or in a nested task."""
        return any(
            other is member or (isinstance(other, Task) and other.contains(member)) for other in self._members
        )

    def moduleNames(self) -> set[str]:
        """Labels of all modules, those of nested tasks included."""
        return {member.label_() for member in task_members(self, lambda member: member)}

    def _become(self, other: Task) -> None:
        self._members = list(other._members)


class ConditionalTask(Task):
    """Modules that run if another module of the same path consumes what they make; treated as a Task."""


def task_members(task: Task, current: Callable[[Any], Any]) -> Iterator[Labelled]:
    """All modules of a task, nested tasks unfolded.

    Args:
        task: the task.
        current: what a member stands for now: another object of its label, or None to leave it out.

    Raises:
        ConfigurationError: a task contains itself.
    """
    yield from _members(task, current, ())


def _members(task: Task, current: Callable[[Any], Any], around: tuple[Task, ...]) -> Iterator[Labelled]:
    if task in around:
        message = f"{task._described()} contains itself"
        raise ConfigurationError(message)
    for member in task._members:
        now = current(member)
        if isinstance(now, Task):
            yield from _members(now, current, (*around, task))
        elif now is not None:
            yield now


def _named(value: object) -> str:
    return value._described() if isinstance(value, Labelled) else repr(value)
