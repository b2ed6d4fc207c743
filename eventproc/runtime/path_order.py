"""Checks, before the first event, that every module can run after what it needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from eventproc.model.descriptions import PathDescription
from eventproc.model.trigger_results import TRIGGER_RESULTS

Dependencies = Mapping[str, set[str]]
"""Labels of the modules of this process that a module, by label, needs."""


def find_cycle(dependencies: Dependencies) -> list[str]:
    """Labels of modules that wait for each other, the first one repeated at the end; or empty."""
    done: set[str] = set()
    for start in dependencies:
        cycle = _cycle_from(start, dependencies, [], done)
        if cycle:
            return cycle
    return []


def _cycle_from(label: str, dependencies: Dependencies, way: list[str], done: set[str]) -> list[str]:
    if label in way:
        return [*way[way.index(label) :], label]
    if label in done:
        return []
    for needed in sorted(dependencies.get(label, ())):
        cycle = _cycle_from(needed, dependencies, [*way, label], done)
        if cycle:
            return cycle
    done.add(label)
    return []


def in_order_of_need(labels: Iterable[str], dependencies: Dependencies) -> list[str]:
    """Labels so that each stands behind those it needs, otherwise as given; there must be no cycle."""
    ordered: dict[str, None] = {}

    def add(label: str) -> None:
        if label not in ordered:
            for needed in sorted(dependencies.get(label, ())):
                add(needed)
            ordered[label] = None

    for label in labels:
        add(label)
    return list(ordered)


def order_problems(
    paths: Sequence[PathDescription], dependencies: Dependencies, unscheduled: set[str]
) -> list[str]:
    """What is wrong with the order of modules on paths.

    A module may need modules before it on its path, on earlier paths, or on Tasks; the status of an
    earlier path, by the path's name; and on end paths the TriggerResults.

    Returns:
        One sentence for each module that would run before what it needs.
    """
    problems = []
    seen: set[str] = set(unscheduled)
    for path in paths:
        if path.kind != "Path":
            seen.add(TRIGGER_RESULTS)
        before = set(seen)
        for step in path.steps:
            late = sorted(dependencies.get(step.label, set()) - before - {step.label})
            problems += [_late(step.label, path.name, needed) for needed in late]
            before.add(step.label)
        seen |= before | {path.name}
    return problems


def _late(label: str, path: str, needed: str) -> str:
    if needed == TRIGGER_RESULTS:
        return (
            f"module {label!r} on path {path!r} needs the {needed} of this process, which are known when "
            "all paths are done: put it on an EndPath, or name the process whose results are meant"
        )
    return (
        f"module {label!r} on path {path!r} needs {needed!r}, which does not run "
        f"before it: put {needed!r} in front of it, or on an earlier path or a Task"
    )


def paths_depend_on_each_other(
    paths: Sequence[PathDescription], dependencies: Dependencies, unscheduled: set[str]
) -> bool:
    """Whether a module on one path needs a module that only another path runs."""
    for path in paths:
        own = {step.label for step in path.steps} | unscheduled
        if any(dependencies.get(label, set()) - own for label in own):
            return True
    return False
