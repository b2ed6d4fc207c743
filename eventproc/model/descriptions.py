"""The frozen configuration of a job: what runs, what is dumped, what batch submission sends."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from eventproc.model.parameter_set import parameter_set_id

ComponentKind = Literal["Source", "EDProducer", "EDFilter", "EDAnalyzer", "OutputModule", "Service"]
PathKind = Literal["Path", "EndPath", "FinalPath"]


@dataclass(frozen=True, slots=True)
class ComponentDescription:
    """A source, module or service as the job file describes it.

    Attributes:
        kind: what the job file called it, such as ``EDProducer``.
        type: plugin name of the class.
        label: attribute name in the process; ``source`` for the source.
        parameters: JSON values by name; the class's declared parameters decide their types.
        untracked: the parameters that do not enter the ParameterSet ID, also inside PSets; see
            `parameter_set_id`.
        where: file and line of its definition, for messages; "" when unknown.
    """

    kind: ComponentKind
    type: str
    label: str
    parameters: dict[str, Any] = field(default_factory=dict)
    untracked: tuple[str, ...] = ()
    where: str = ""


@dataclass(frozen=True, slots=True)
class PathStep:
    """One module on a path; negate inverts a filter's decision, ignore disregards it."""

    label: str
    negate: bool = False
    ignore: bool = False


@dataclass(frozen=True, slots=True)
class PathDescription:
    """A path and its modules in order."""

    name: str
    kind: PathKind
    steps: tuple[PathStep, ...]


@dataclass(frozen=True, slots=True)
class ProcessOptions:
    """``process.options`` with cmsRun's names and defaults.

    Attributes:
        numberOfStreams: events in flight at once in the whole job, shared out over its processes, which have
            one each at least; 0 for one per process.
        numberOfThreads: cmsRun's name for the cores that a job uses; here each is a process of its own, since
            one event loop runs all streams of a process. 0 for every core that the job may use.
        numberOfProcesses: the same by its own name, and stronger when both are given; 0 leaves it to
            numberOfThreads.
        wantSummary: print the trigger and time report at the end.
        TryToContinue: exception categories after which the job goes on. Modules that need the failed
            one's products do not run, its paths end in the state Exception, all others run. An output
            that keeps a product lost in this way does not get the event, unless it selects exception@.
        externalWorkTimeout: seconds after which work elsewhere that has not come back fails its event
            with EventTimeout; 0 waits for ever.
    """

    numberOfStreams: int = 0
    numberOfThreads: int = 1
    numberOfProcesses: int = 0
    wantSummary: bool = False
    TryToContinue: tuple[str, ...] = ()
    externalWorkTimeout: float = 0.0


@dataclass(frozen=True, slots=True)
class ProcessDescription:
    """A whole job, frozen.

    Attributes:
        name: the process name, alphanumeric.
        source: the one source.
        modules: all modules, in the order of definition.
        paths: paths in schedule order, end paths after paths.
        unscheduled: labels of modules on Tasks: they run on demand, only if consumed.
        services: services in the order of definition.
        options: process.options.
        max_events: events to read, -1 for all.
    """

    name: str
    source: ComponentDescription
    modules: tuple[ComponentDescription, ...] = ()
    paths: tuple[PathDescription, ...] = ()
    unscheduled: tuple[str, ...] = ()
    services: tuple[ComponentDescription, ...] = ()
    options: ProcessOptions = field(default_factory=ProcessOptions)
    max_events: int = -1

    @property
    def id(self) -> str:
        """ParameterSet ID of the whole job: tracked parameters of source and modules, and the paths."""
        components = {
            c.label: {"type": c.type, "id": parameter_set_id(c.parameters, c.untracked)}
            for c in (self.source, *self.modules)
        }
        paths = {
            p.name: [("~" if s.negate else "-" if s.ignore else "") + s.label for s in p.steps]
            for p in self.paths
        }
        return parameter_set_id({"name": self.name, "components": components, "paths": paths})
