"""Builds a job from its frozen description: services, source, modules and paths, with everything checked."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from eventproc.errors import ConfigurationError, as_framework_error
from eventproc.model.branch import BranchDescription
from eventproc.model.descriptions import PathDescription, ProcessDescription
from eventproc.model.product import Product
from eventproc.model.token import Token
from eventproc.model.transition import BranchType
from eventproc.modules.module import Module
from eventproc.modules.output import OutputModule
from eventproc.modules.service import Service
from eventproc.modules.source import Source
from eventproc.runtime.components import Component, check_components, with_default_services
from eventproc.runtime.ordered_output import OutputStage
from eventproc.runtime.path_order import (
    find_cycle,
    in_order_of_need,
    order_problems,
    paths_depend_on_each_other,
)
from eventproc.runtime.path_results import PathResults
from eventproc.runtime.paths import EventSchedule, KeptOnDemand, PathRunner, Step
from eventproc.runtime.registry import ProductRegistry, Resolution
from eventproc.runtime.transitions import LevelProducts, Transitions
from eventproc.runtime.watchers import Watchers
from eventproc.runtime.worker import Worker

KeptBranch = tuple[BranchDescription, Token[Product]]

Kept = dict[str, list[KeptBranch]]
"""By label of output module, the branches it keeps and how to get them."""


@dataclass(frozen=True, slots=True)
class Job:
    """A job that is ready to run.

    Attributes:
        description: the frozen configuration, every component's parameters completed with defaults.
        source: the source, bound to the branches the job wants.
        services: services in order of construction.
        modules: modules by label, without the output modules.
        outputs: the output modules and which events they take.
        kept: per output module, the branches it keeps and how to get them.
        schedule: the paths.
        watch: the services' hooks.
        n_slots: products an event of this job can hold.
        whole: what no two processes may share: see `Resolution.whole`.
        transitions: the begin and end of job, streams, runs and luminosity blocks.
    """

    description: ProcessDescription
    source: Source
    services: tuple[Service, ...]
    modules: dict[str, Module]
    outputs: tuple[OutputStage, ...]
    kept: Kept
    schedule: EventSchedule
    watch: Watchers
    n_slots: int
    whole: BranchType
    transitions: Transitions


def build(description: ProcessDescription, *watching: Service) -> Job:
    """Turns a frozen description into a job.

    Args:
        description: what to build.
        watching: services besides those that the description names; modules do not find them.

    Raises:
        ConfigurationError: unknown plugins, wrong parameters, products nobody makes: all of a kind at once.
        FileOpenError: the source cannot open its first input.
        EventProcError: a component's constructor failed; the context says which.
    """
    description = with_default_services(description)
    runs = _labels_that_run(description)
    wanted = [m for m in description.modules if m.label in runs]
    source, *others = check_components([description.source, *description.services, *wanted])
    services, modules = others[: len(description.services)], others[len(description.services) :]
    description = _completed(description, source, services, modules)
    built = tuple(_construct_service(component) for component in services)
    with _doing(f"Constructing input source {source.description.type}"):
        reader: Source = source.plugin(source.params, description.name)
    try:
        return _build_modules(description, modules, built, reader, Watchers((*built, *watching)))
    except BaseException:
        reader.close()
        raise


def _labels_that_run(description: ProcessDescription) -> set[str]:
    return {step.label for path in description.paths for step in path.steps} | set(description.unscheduled)


def _completed(
    description: ProcessDescription,
    source: Component,
    services: Sequence[Component],
    modules: Sequence[Component],
) -> ProcessDescription:
    """The description with the defaults of everything that runs written out."""
    checked = {component.label: component.description for component in modules}
    return dataclasses.replace(
        description,
        source=source.description,
        services=tuple(component.description for component in services),
        modules=tuple(checked.get(m.label, m) for m in description.modules),
    )


def _build_modules(
    description: ProcessDescription,
    components: Sequence[Component],
    services: tuple[Service, ...],
    source: Source,
    watch: Watchers,
) -> Job:
    idle = {m.label for m in description.modules} - {component.label for component in components}
    with _doing(f"Opening input source {description.source.type}"):
        branches = [*source.branches(), *source.level_branches()]
    registry = ProductRegistry(description.name, branches, services, idle)
    every = {c.label: _construct(c, registry) for c in components}
    outputs = {label: module for label, module in every.items() if isinstance(module, OutputModule)}
    modules = {label: module for label, module in every.items() if label not in outputs}
    paths = [path.name for path in description.paths if path.kind == "Path"]
    results = PathResults(description.name, paths, registry)
    for label, output in outputs.items():
        results.select_for(label, output)
    kept = {
        label: [
            (branch, registry.keep(label, branch)) for branch in registry.branches() if output.select(branch)
        ]
        for label, output in outputs.items()
    }
    resolution = registry.resolve()
    _check_order(description, modules, resolution)
    source.bind(resolution.bindings)
    levels = {label: _of_levels(branches) for label, branches in kept.items()}
    for label, of_levels in levels.items():
        if of_levels:
            outputs[label].keep_levels(of_levels)
    kept = {label: [one for one in every if one not in levels[label]] for label, every in kept.items()}
    return Job(
        description=description,
        source=source,
        services=services,
        modules=modules,
        outputs=tuple(OutputStage(label, output, results.wants(label)) for label, output in outputs.items()),
        kept=kept,
        schedule=_schedule(description, modules, resolution, watch, kept, results),
        watch=watch,
        n_slots=resolution.n_slots,
        whole=resolution.whole,
        transitions=_transitions({**modules, **outputs}, source, resolution),
    )


def _of_levels(kept: Sequence[KeptBranch]) -> list[KeptBranch]:
    """Those of runs and luminosity blocks."""
    return [one for one in kept if one[0].branch_type is not BranchType.InEvent]


def _transitions(modules: dict[str, Module], source: Source, resolution: Resolution) -> Transitions:
    needs = {label: needed & modules.keys() for label, needed in resolution.level_dependencies.items()}
    cycle = find_cycle(needs)
    if cycle:
        message = "modules wait for each other's products of runs or luminosity blocks: " + " needs ".join(
            map(repr, cycle)
        )
        raise ConfigurationError(message)
    levels = LevelProducts(
        resolution.level_bindings,
        source.level_product,
        resolution.n_slots,
        resolution.has_levels,
        resolution.makes_levels,
    )
    return Transitions({label: modules[label] for label in in_order_of_need(modules, needs)}, levels)


def _construct(component: Component, registry: ProductRegistry) -> Module:
    with _doing(f"Constructing module {component.description.type}/'{component.label}'"):
        module: Module = component.plugin(component.params, registry.declare_for(component.label))
    return module


def _construct_service(component: Component) -> Service:
    with _doing(f"Constructing service {component.description.type}"):
        service: Service = component.plugin(component.params)
    return service


@contextlib.contextmanager
def _doing(what: str) -> Iterator[None]:
    """Gives errors of an author's code their context, and their place among the framework's errors."""
    try:
        yield
    except Exception as error:
        failure = as_framework_error(error)
        failure.add_context(what)
        if failure is error:
            raise
        raise failure from error


def _check_order(description: ProcessDescription, modules: dict[str, Module], resolution: Resolution) -> None:
    needs = {label: resolution.dependencies.get(label, set()) for label in modules}
    cycle = find_cycle(needs)
    if cycle:
        message = "modules wait for each other's products: " + " needs ".join(map(repr, cycle))
        raise ConfigurationError(message)
    problems = order_problems(description.paths, needs, set(description.unscheduled))
    if problems:
        raise ConfigurationError("\n".join(problems))


def _schedule(
    description: ProcessDescription,
    modules: dict[str, Module],
    resolution: Resolution,
    watch: Watchers,
    kept: Kept,
    results: PathResults,
) -> EventSchedule:
    unscheduled = set(description.unscheduled)
    workers = _workers(modules, resolution, unscheduled, watch, description.options.externalWorkTimeout)
    paths = [path for path in description.paths if path.kind == "Path"]
    end_paths = [path for path in description.paths if path.kind != "Path"]
    continue_after = frozenset(description.options.TryToContinue)
    makers = {
        label: [workers[b.label] for b, _ in branches if b.process == description.name and b.label in workers]
        for label, branches in kept.items()
    }
    return EventSchedule(
        [_runner(path, workers, continue_after) for path in paths],
        [_runner(path, workers, continue_after) for path in end_paths],
        tuple(workers.values()),
        in_order=paths_depend_on_each_other(paths, resolution.dependencies, unscheduled),
        tokens=results.tokens(resolution),
        kept={label: makers[label] for label in makers if not results.takes_failed(label)},
        on_demand=[
            KeptOnDemand(label, results.wants(label), tasked)
            for label, of_output in makers.items()
            if (tasked := tuple(dict.fromkeys(w for w in of_output if w.label in unscheduled)))
        ],
        continue_after=continue_after,
    )


def _workers(
    modules: dict[str, Module], resolution: Resolution, unscheduled: set[str], watch: Watchers, limit_s: float
) -> dict[str, Worker]:
    workers = {
        label: Worker(i, label, module, watch, limit_s) for i, (label, module) in enumerate(modules.items())
    }
    for label, worker in workers.items():
        # Paths and TriggerResults have labels, but no workers.
        needed = sorted(workers.keys() & resolution.dependencies.get(label, set()))
        worker.depend_on([workers[n] for n in needed], [workers[n] for n in needed if n in unscheduled])
    return workers


def _runner(path: PathDescription, workers: dict[str, Worker], continue_after: frozenset[str]) -> PathRunner:
    """A path without its output modules: those write in input order, after the event.

    On an end path no filter decides, as in CMSSW (StreamSchedule.cc).
    """
    decides = path.kind == "Path"
    steps = [
        Step(workers[s.label], s.negate, s.ignore or not decides) for s in path.steps if s.label in workers
    ]
    outputs = [s.label for s in path.steps if s.label not in workers]
    return PathRunner(path.name, steps, continue_after, outputs)
