"""Division: a job's events become ranges, one for each of its processes."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

from eventproc.model.descriptions import ComponentDescription, ProcessDescription, ProcessOptions

Overrides = Mapping[str, Mapping[str, Any]]
"""By label of a component, the parameters that a part gets instead of the job's."""


@dataclass(frozen=True, slots=True)
class Portion:
    """What one process of a job does.

    Attributes:
        number: which process, from 0.
        first_event: index, in the job's input, of its first event.
        events: how many events it reads.
        first_stream: number of its first stream in the job.
        streams: events in flight in it.
        ends_input: whether it is the last of a job that reads all of its input.
    """

    number: int
    first_event: int
    events: int
    first_stream: int
    streams: int
    ends_input: bool = False


def process_count(options: ProcessOptions, cores: int | None = None) -> int:
    """How many processes a job asks for.

    Args:
        options: the job's.
        cores: cores it may use; those of this process when not given.
    """
    wanted = options.numberOfProcesses or options.numberOfThreads
    return wanted or (len(os.sched_getaffinity(0)) if cores is None else cores)


def divide(
    events: int, options: ProcessOptions, processes: int, cuts: Sequence[int] | None = None
) -> list[Portion]:
    """Consecutive ranges of nearly the same size; fewer than asked for where there are fewer events.

    Args:
        events: how many there are.
        options: the job's.
        processes: how many ranges are wanted.
        cuts: indices of events that a range may begin with; all when not given.
    """
    limits = list(accumulate(shares(events, max(1, min(processes, events))), initial=0))
    if cuts is not None:
        nearest = {min(cuts, key=lambda cut: abs(cut - limit)) for limit in limits[1:-1] if cuts}
        limits = [0, *sorted(nearest - {0, events}), events]
    sizes = [stop - start for start, stop in pairwise(limits)]
    processes = len(sizes)
    streams = [max(1, n) for n in shares(options.numberOfStreams, processes)]
    return [Portion(i, sum(sizes[:i]), sizes[i], sum(streams[:i]), streams[i]) for i in range(processes)]


def reads_all(job: ProcessDescription, skips_with: str) -> bool:
    """Whether a job, whose source has such a parameter, leaves out no events at either end of its input."""
    return job.max_events < 0 and not job.source.parameters.get(skips_with)


def shares(total: int, parts: int) -> list[int]:
    """A whole number as a sum of so many, the larger ones first."""
    each, more = divmod(total, parts)
    return [each + (i < more) for i in range(parts)]


def part_description(
    job: ProcessDescription, portion: Portion, skips_with: str, overrides: Overrides
) -> ProcessDescription:
    """The job that one process runs.

    Args:
        job: the whole job, parameters completed with defaults.
        portion: what of it.
        skips_with: the source's parameter that leaves out events at the beginning.
        overrides: parameters that are this process's own; none of them is tracked.
    """
    skipped = int(job.source.parameters.get(skips_with) or 0) + portion.first_event
    source = _with(job.source, {skips_with: skipped})
    options = dataclasses.replace(
        job.options,
        numberOfProcesses=1,
        numberOfThreads=1,
        numberOfStreams=portion.streams,
        wantSummary=False,
    )
    return dataclasses.replace(
        job,
        source=source,
        modules=_all_with(job.modules, overrides),
        services=_all_with(job.services, overrides),
        options=options,
        max_events=portion.events,
    )


def _all_with(
    components: Sequence[ComponentDescription], overrides: Overrides
) -> tuple[ComponentDescription, ...]:
    return tuple(_with(c, overrides[c.label]) if c.label in overrides else c for c in components)


def _with(component: ComponentDescription, values: Mapping[str, Any]) -> ComponentDescription:
    untracked = tuple(dict.fromkeys([*component.untracked, *values]))
    return dataclasses.replace(component, parameters={**component.parameters, **values}, untracked=untracked)
