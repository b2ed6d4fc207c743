"""Pruning: what a process holds and no path that runs has any use for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eventproc.config.components import Module
from eventproc.config.psets import PSet, VPSet
from eventproc.config.sequences import (
    EndPath,
    FinalPath,
    Ordered,
    Path,
    Sequence,
    Step,
    associated_tasks,
    walk,
)
from eventproc.config.settings import SETTINGS
from eventproc.config.tasks import Task, task_members

if TYPE_CHECKING:
    from eventproc.config.process import Process

_PRUNED = (Module, Sequence, Task, Path, EndPath, FinalPath, PSet, VPSet)


def unused_labels(process: Process) -> list[str]:
    """Labels of modules, sequences, tasks and PSets that serve no path; with a schedule, of its paths only.

    Raises:
        ConfigurationError: a sequence or a task contains itself.
    """
    schedule = process.schedule_()
    kinds = (process.paths_(), process.endpaths_(), process.finalpaths_())
    paths: list[Any] = (
        [path for held in kinds for path in held.values()]
        if schedule is None
        else [current for path in schedule if (current := process._current(path)) is not None]
    )
    used: set[int] = {id(path) for path in paths}
    tasks = [] if schedule is None else list(schedule._tasks)
    for path in paths:
        used |= {id(step.module) for step in walk(path, process._current)}
        used |= {id(part) for part in _sequences(process, path)}
        tasks += associated_tasks(path, process._current)
    for task in tasks:
        used |= {id(part) for part in _tasks(process, task)}
        used |= {id(member) for member in task_members(task, process._current)}
    return [
        label
        for label, held in process._objects.items()
        if isinstance(held, _PRUNED) and id(held) not in used and label not in SETTINGS
    ]


def _sequences(process: Process, ordered: Ordered) -> list[Ordered]:
    found = []
    for item in ordered._items:
        part = process._current(item.module if isinstance(item, Step) else item)
        if isinstance(part, Sequence):
            found += [part, *_sequences(process, part)]
    return found


def _tasks(process: Process, task: Task) -> list[Task]:
    found = [task]
    for member in task._members:
        part = process._current(member)
        if isinstance(part, Task):
            found += _tasks(process, part)
    return found
