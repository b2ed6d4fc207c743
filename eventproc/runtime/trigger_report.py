"""TrigReport and TimeReport: what wantSummary prints at the end of a job, in the words of cmsRun.

The form is that of FWCore/Framework, Schedule.cc. Times of paths are not measured. An output module stands
behind the others of its path, since it writes when all paths are done: it passes the events that it writes,
fails those that it does not select, and has an error for each that lacks a product because of a failure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eventproc.model.trigger_results import PathState, index_of, state_of
from eventproc.runtime.ordered_output import OutputStage
from eventproc.runtime.paths import EventSchedule, PathRunner


@dataclass(frozen=True, slots=True)
class StepCounts:
    """How often a path, or a module on it, was reached, and with what result."""

    visited: int
    passed: int
    failed: int
    errors: int


def path_counts(path: PathRunner) -> StepCounts:
    """The results of a whole path."""
    by_state: Counter[PathState] = Counter()
    for status, n in enumerate(path.counts):
        by_state[state_of(status)] += n
    passed, failed, errors = (by_state[s] for s in (PathState.Pass, PathState.Fail, PathState.Exception))
    return StepCounts(passed + failed + errors, passed, failed, errors)


def step_counts(path: PathRunner) -> list[StepCounts]:
    """The results of each module of a path; what a module passes, the next one visits."""
    visited = path_counts(path).visited
    counts = []
    for position in range(len(path.steps)):
        failed, errors = (
            sum(n for status, n in enumerate(path.counts) if _is(status, state, position))
            for state in (PathState.Fail, PathState.Exception)
        )
        passed = visited - failed - errors
        counts.append(StepCounts(visited, passed, failed, errors))
        visited = passed
    return counts


def _is(status: int, state: PathState, position: int) -> bool:
    return state_of(status) is state and index_of(status) == position


def output_counts(output: OutputStage) -> StepCounts:
    """The results of an output module."""
    written, failed, errors = output.events_written, output.events_not_selected, output.events_skipped
    return StepCounts(written + failed + errors, written, failed, errors)


def render_trigger_report(schedule: EventSchedule, outputs: Sequence[OutputStage] = ()) -> str:
    """What became of the events, on each path and in each module."""
    lines = _trigger_lines(schedule, {output.label: output for output in outputs})
    return "\n".join(f"TrigReport {line}" for line in lines)


def render_time_report(schedule: EventSchedule, timing: Mapping[str, Any]) -> str:
    """How long events and modules took.

    Args:
        schedule: the job's, after its events.
        timing: what the service Timing reports; without modules, theirs are left out.
    """
    return "\n".join(f"TimeReport {line}" for line in _time_lines(schedule, timing))


def _trigger_lines(schedule: EventSchedule, outputs: Mapping[str, OutputStage]) -> Iterator[str]:
    events, passed = schedule.events, schedule.events_passed
    yield "---------- Event  Summary ------------"
    yield f"Events total = {events} passed = {passed} failed = {events - passed}"
    for title, paths in (("--- Path  ", schedule.paths), ("End-Path  ", schedule.end_paths)):
        yield ""
        yield f"-------{title} Summary ------------"
        yield _row("Trig Bit#", "Executed", "Passed", "Failed", "Error", "Name")
        for bit, path in enumerate(paths):
            yield _row(_bit(path, bit, schedule), *_numbers(path_counts(path)), path.name)
    for title, paths in (("Modules in Path", schedule.paths), ("Modules in End-Path", schedule.end_paths)):
        for bit, path in enumerate(paths):
            yield ""
            yield f"---------- {title}: {path.name} ------------"
            yield _row("Trig Bit#", "Visited", "Passed", "Failed", "Error", "Name")
            for step, counts in zip(path.steps, step_counts(path), strict=True):
                yield _row(_bit(path, bit, schedule), *_numbers(counts), step.worker.label)
            for label in path.outputs:
                yield _row(_bit(path, bit, schedule), *_numbers(output_counts(outputs[label])), label)
    yield ""
    yield "---------- Module Summary ------------"
    yield _row("Visited", "Executed", "Passed", "Failed", "Error", "Name")
    visits = _visits(schedule)
    for worker in schedule.workers:
        passed = worker.runs - worker.rejected - worker.errors
        numbers = (visits[worker.label], worker.runs, passed, worker.rejected, worker.errors)
        yield _row(*(str(n) for n in numbers), worker.label)
    for output in outputs.values():
        counts = output_counts(output)
        yield _row(str(counts.visited), str(counts.passed), *_numbers(counts)[1:], output.label)


def _time_lines(schedule: EventSchedule, timing: Mapping[str, Any]) -> Iterator[str]:
    events = max(1, schedule.events)
    cpu_s, real_s = timing.get("TotalLoopCPU", 0.0), timing.get("TotalLoopTime", 0.0)
    yield "---------- Event  Summary ---[sec]----"
    yield f"      event loop CPU/event = {cpu_s / events:.6f}"
    yield f"     event loop Real/event = {real_s / events:.6f}"
    yield f"    sum Streams Real/event = {timing.get('AvgEventTime', 0.0):.6f}"
    yield f"efficiency CPU/Real/thread = {cpu_s / real_s if real_s else 0.0:.6f}"
    modules = timing.get("modules", {})
    if not modules:
        return
    yield ""
    yield "---------- Module Summary ---[Real sec]----"
    yield _row("per event", "per exec", "per visit", "Name")
    visits = _visits(schedule)
    for worker in schedule.workers:
        total_s = modules.get(worker.label, {}).get("TotalTime", 0.0)
        times = (total_s / max(1, n) for n in (events, worker.runs, visits[worker.label]))
        yield _row(*(f"{time_s:.6f}" for time_s in times), worker.label)


def _visits(schedule: EventSchedule) -> dict[str, int]:
    """How often paths reached each module; one that runs on demand is reached whenever it runs."""
    visits: Counter[str] = Counter()
    for path in (*schedule.paths, *schedule.end_paths):
        for step, counts in zip(path.steps, step_counts(path), strict=True):
            visits[step.worker.label] += counts.visited
    return {worker.label: visits[worker.label] or worker.runs for worker in schedule.workers}


def _bit(path: PathRunner, bit: int, schedule: EventSchedule) -> str:
    return f"{1 if path in schedule.paths else 0:5}{bit:5}"


def _numbers(counts: StepCounts) -> Sequence[str]:
    return [str(n) for n in (counts.visited, counts.passed, counts.failed, counts.errors)]


def _row(*words: str) -> str:
    *columns, name = words
    return " ".join([*(f"{word:>10}" for word in columns), name])
