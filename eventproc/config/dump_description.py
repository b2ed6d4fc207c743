"""dump_description: a frozen job as a job file that loads back to the same description."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from itertools import count
from keyword import iskeyword
from typing import Any

from eventproc.config.dump import LONGEST_SUM
from eventproc.config.psets import PSet, python_arguments
from eventproc.model.descriptions import (
    ComponentDescription,
    PathDescription,
    PathStep,
    ProcessDescription,
    ProcessOptions,
)

_INT32 = range(-(2**31), 2**31)
_INT64 = range(-(2**63), 2**63)

_TASK = "unscheduled"
"""Name of the task that holds what runs on demand, unless a component has it."""


def dump_description(job: ProcessDescription) -> str:
    """The job as Python text.

    Types are told from the values; a value that no type keeps as it is stands there plain. Sequences and
    tasks are dissolved.
    """
    head = f"import eventproc.config as cms\n\nprocess = cms.Process({job.name!r})\n"
    return head + "".join(f"\n{statement}\n" for statement in _statements(job))


def _statements(job: ProcessDescription) -> Iterator[str]:
    yield f"process.source = {_component(job.source)}"
    if job.max_events != -1:
        yield f"process.maxEvents.input = {job.max_events}"
    for field in fields(ProcessOptions):
        value = getattr(job.options, field.name)
        if value != field.default:
            plain = list(value) if isinstance(value, tuple) else value
            yield f"process.options.{field.name} = {plain!r}"
    for component in (*job.services, *job.modules):
        yield f"process.{component.label} = {_component(component)}"
    for path in job.paths:
        yield f"process.{path.name} = cms.{path.kind}({_steps(path)})"
    paths = [f"process.{path.name}" for path in job.paths]
    task = []
    if job.unscheduled:
        taken = {*(c.label for c in (*job.services, *job.modules)), *(path.name for path in job.paths)}
        name = next(name for name in _task_names() if name not in taken)
        yield f"process.{name} = cms.Task({', '.join(f'process.{label}' for label in job.unscheduled)})"
        task = [f"tasks=[process.{name}]"]
    yield f"process.schedule = cms.Schedule({', '.join([*paths, *task])})"


def _task_names() -> Iterator[str]:
    yield _TASK
    yield from (f"{_TASK}{number}" for number in count(2))


def _steps(path: PathDescription) -> str:
    steps = [_step(step) for step in path.steps]
    return (" + " if len(steps) <= LONGEST_SUM else ", ").join(steps)


def _step(step: PathStep) -> str:
    module = f"process.{step.label}"
    return f"cms.ignore({module})" if step.ignore else f"~{module}" if step.negate else module


def _component(component: ComponentDescription) -> str:
    untracked = [path.split(".") for path in component.untracked]
    arguments = python_arguments(_named(component.parameters, untracked, "    "), "")
    return f"cms.{component.kind}({component.type!r}{',' if arguments else ''}{arguments})"


def _named(parameters: dict[str, Any], untracked: Sequence[Sequence[str]], indent: str) -> list[str]:
    return [f"{name} = {_value(name, value, untracked, indent)}" for name, value in parameters.items()]


def _value(name: str, value: Any, untracked: Sequence[Sequence[str]], indent: str) -> str:
    below = [path[1:] for path in untracked if path[0] in (name, "*")]
    is_untracked = [] in below
    inside = [path for path in below if path]
    kind = _kind(value)
    word = f"cms.untracked.{kind}" if is_untracked else f"cms.{kind}"
    match kind:
        case "":
            return repr(value)
        case "PSet":
            return f"{word}({python_arguments(_named(value, inside, indent + '    '), indent)})"
        case "VPSet":
            entries = [_value(str(i), entry, inside, indent + "    ") for i, entry in enumerate(value)]
            return f"{word}({python_arguments(entries, indent)})"
        case _ if isinstance(value, list):
            return f"{word}({', '.join(map(repr, value))})"
    return f"{word}({value!r})"


def _kind(value: Any) -> str:
    """The word of the job language for a value; "" where only the plain value freezes to the same."""
    if isinstance(value, dict):
        return "PSet" if all(_is_name(name) for name in value) else ""
    if isinstance(value, list):
        kinds = {_kind(entry) for entry in value}
        if kinds <= {"int32", "int64"} and kinds:
            return "vint32" if kinds == {"int32"} else "vint64"
        known = {"bool": "vbool", "double": "vdouble", "string": "vstring", "PSet": "VPSet"}
        return known.get(kinds.pop(), "") if len(kinds) == 1 else "vstring" if not kinds else ""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int32" if value in _INT32 else "int64" if value in _INT64 else "uint64"
    return {float: "double", str: "string"}.get(type(value), "")


def _is_name(name: str) -> bool:
    plain = name.isidentifier() and name.isascii() and not name.startswith("_")
    return plain and not iskeyword(name) and not hasattr(PSet, name)
