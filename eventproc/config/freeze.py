"""Freezing: a Process becomes a ProcessDescription, or one error that lists all that is wrong with it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import Any, cast

from eventproc.config.components import Component, EDAnalyzer, EDFilter, Module, OutputModule, Service
from eventproc.config.labels import Labelled
from eventproc.config.process import Process
from eventproc.config.schedules import Schedule
from eventproc.config.sequences import (
    EndPath,
    FinalPath,
    Path,
    Step,
    associated_tasks,
    walk,
)
from eventproc.config.settings import Settings
from eventproc.config.tasks import task_members
from eventproc.errors import ConfigurationError, near_names
from eventproc.model.descriptions import (
    ComponentDescription,
    PathDescription,
    PathStep,
    ProcessDescription,
    ProcessOptions,
)

AnyPath = Path | EndPath | FinalPath

PATH_KINDS = (Path, EndPath, FinalPath)
"""In the order in which their modules run."""

NO_SOURCE = ComponentDescription(kind="Source", type="EmptySource", label="source")
"""Stands in for a missing source until the error is raised."""


LIMITS = ("maxLuminosityBlocks", "maxSecondsUntilRampdown")
"""Limits of cmsRun that this framework does not have."""


def freeze(process: Process) -> ProcessDescription:
    """The job as a value.

    Raises:
        ConfigurationError: the job is wrong; the message lists all errors of its structure.
    """
    job = _Job(process)
    source = job.source()
    modules = tuple(job.components(process.modules_().values()))
    paths = job.scheduled_paths()
    described = ProcessDescription(
        name=process.name_(),
        source=source,
        modules=modules,
        paths=tuple(job.path(path) for path in paths),
        unscheduled=job.unscheduled(paths),
        services=tuple(job.services()),
        options=job.options(),
        max_events=job.max_events(),
    )
    job.global_psets()
    if job.problems:
        raise ConfigurationError(_listed(process.name_(), job.problems))
    return described


def _listed(name: str, problems: list[str]) -> str:
    unique = list(dict.fromkeys(problems))
    if len(unique) == 1:
        return f"process {name!r}: {unique[0]}"
    lines = "".join(f"\n  {number}. {problem}" for number, problem in enumerate(unique, 1))
    return f"process {name!r} has {len(unique)} errors:{lines}"


class _Job:
    """A process on its way to its description; `problems` grows while each part is looked at."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.problems: list[str] = []

    def source(self) -> ComponentDescription:
        """The source; a job without one is wrong."""
        source = self.process.source_()
        if source is None:
            self.problems.append(
                f"{self.process._where}: there is no source; write process.source = "
                "cms.Source('PoolSource', fileNames = [...]) or cms.Source('EmptySource')"
            )
            return NO_SOURCE
        return next(self.components([source]), NO_SOURCE)

    def components(self, held: Iterable[Component]) -> Iterator[ComponentDescription]:
        """Descriptions of components whose parameters can be frozen."""
        for component in held:
            try:
                yield component._description(component.label_())
            except ConfigurationError as error:
                self.problems.append(f"{component._described()}: {error}")

    def services(self) -> Iterator[ComponentDescription]:
        """Descriptions of the services; two of one type are wrong."""
        services = self.process.services_().values()
        by_type: dict[str, Service] = {}
        for service in services:
            first = by_type.setdefault(service.type_(), service)
            if first is not service:
                self.problems.append(f"{service._described()}: there is already {first._described()}")
        return self.components(services)

    def scheduled_paths(self) -> list[AnyPath]:
        """The paths that run: those of the schedule, else all, end paths after paths."""
        schedule = self.process.schedule_()
        if schedule is None:
            paths: list[AnyPath] = [
                held for held in self.process._objects.values() if isinstance(held, PATH_KINDS)
            ]
        else:
            paths = list(self._attached_paths(schedule))
        return [path for kind in PATH_KINDS for path in paths if isinstance(path, kind)]

    def _attached_paths(self, schedule: Schedule) -> Iterator[AnyPath]:
        held = {
            label: thing for label, thing in self.process._objects.items() if isinstance(thing, PATH_KINDS)
        }
        for path in schedule:
            current: AnyPath | None = self.process._current(path)
            if current is not None and held.get(current.label_()) is current:
                yield current
            elif current is not None:
                near = [label for label, other in held.items() if other._items == path._items] or held
                self.problems.append(
                    f"process.schedule ({schedule._where}): {path._described()} is not attached to the "
                    f"process: {near_names(path.label_(), near)}"
                )

    def path(self, path: AnyPath) -> PathDescription:
        """A path and its steps; modules that cannot stand on it are wrong."""
        steps: list[PathStep] = []
        try:
            steps.extend(
                PathStep(_label(step.module), step.negate, step.ignore)
                for step in walk(path, self.process._current)
                if self._may_run(step, path)
            )
        except ConfigurationError as error:
            self.problems.append(str(error))
        return PathDescription(path.label_(), path._kind, tuple(steps))

    def unscheduled(self, paths: list[AnyPath]) -> tuple[str, ...]:
        """Labels of modules on tasks that serve a path that runs, without those on such a path."""
        schedule = self.process.schedule_()
        tasks = [] if schedule is None else list(schedule._tasks)
        labels: dict[str, None] = {}
        try:
            on_paths = {step.module for path in paths for step in walk(path, self.process._current)}
            for path in paths:
                tasks += associated_tasks(path, self.process._current)
            for task in tasks:
                for member in task_members(task, self.process._current):
                    if (
                        isinstance(member, Module)
                        and member not in on_paths
                        and self._is_attached(member, task)
                    ):
                        labels[member.label_()] = None
        except ConfigurationError as error:
            self.problems.append(str(error))
        return tuple(labels)

    def options(self) -> ProcessOptions:
        """process.options; unknown names are wrong."""
        settings = self._settings("options")
        known = {name: value for name, value in settings._items() if name not in settings._wrong}
        frozen = {name: _immutable(value._frozen(name)) for name, value in known.items()}
        return ProcessOptions(**frozen)

    def global_psets(self) -> None:
        """PSets of the process itself mean nothing to a job; one that looks like a setting is wrong."""
        for label, pset in self.process.psets_().items():
            meant = difflib.get_close_matches(label, ("maxEvents", "options"), n=1, cutoff=0.8)
            if meant:
                self.problems.append(f"process.{label} sets nothing: did you mean process.{meant[0]}?")
            elif label in LIMITS and pset.getParameter("input") not in (None, -1):
                self.problems.append(f"process.{label} is no limit here; use process.maxEvents")

    def max_events(self) -> int:
        """process.maxEvents.input; unknown names are wrong."""
        settings = self._settings("maxEvents")
        return int(settings.input) if settings.hasParameter("input") else -1

    def _settings(self, name: str) -> Settings:
        settings = cast(Settings, self.process._objects[name])
        self.problems += settings._problems()
        return settings

    def _may_run(self, step: Step, path: AnyPath) -> bool:
        module = step.module
        if not isinstance(module, Module):
            self.problems.append(f"{path._described()}: {module!r} is no module")
            return False
        for wrong, advice in (
            (step.negate and not isinstance(module, EDFilter), "decides nothing, so that ~ has no meaning"),
            (isinstance(path, Path) and isinstance(module, OutputModule), "belongs on a cms.EndPath"),
            (
                isinstance(path, FinalPath) and not isinstance(module, (OutputModule, EDAnalyzer)),
                "belongs on a cms.Path; a cms.FinalPath is for output modules",
            ),
        ):
            if wrong:
                self.problems.append(f"{path._described()}: {module._described()} {advice}")
        return self._is_attached(module, path)

    def _is_attached(self, module: Module, holder: Labelled) -> bool:
        if module._label is not None and self.process._objects.get(module._label) is module:
            return True
        same_type = [
            label for label, other in self.process.modules_().items() if other.type_() == module.type_()
        ]
        hint = (
            f"is process.{same_type[0]} meant?"
            if same_type
            else "write process.<label> = cms." + type(module).__name__ + "(...)"
        )
        self.problems.append(
            f"{holder._described()}: {module._described()} is not attached to the process; {hint}"
        )
        return False


def _label(module: Any) -> str:
    return str(module.label_())


def _immutable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
