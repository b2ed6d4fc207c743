"""How a task stands, as tables for a terminal and as JSON for scripts."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from msgspec import to_builtins
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from eventproc.batch.job_status import JobStatus, State
from eventproc.batch.records import Limits
from eventproc.batch.retry_table import verdict
from eventproc.batch.task_folder import TaskFolder
from eventproc.batch.task_status import JobFigures, Spread, TaskStatus, figures, spreads
from eventproc.cli.task_words import short_list

COLOURS = {
    State.FINISHED: "green",
    State.RUNNING: "blue",
    State.TO_RETRY: "yellow",
    State.HELD: "yellow",
    State.FAILED: "red",
    State.KILLED: "red",
}

# CRAB's status command warns at these.
LOW_MEMORY, LOW_TIME, LOW_CPU = 0.7, 0.3, 0.5

_LONGEST_REASON = 100
_PROBLEMS = 5


def render_status(task: TaskFolder, status: TaskStatus, *, long: bool, errors: bool) -> RenderableType:
    """Percent by state, then the jobs if asked, the errors by exit code, and the figures."""
    taken = figures(status)
    parts: list[RenderableType] = [_states(task, status)]
    if status.problem:
        parts.append(Text(f"the batch system could not be asked: {status.problem}", "yellow"))
    if long:
        parts += [_jobs(task, status, taken), *_asked_for(task, status)]
    parts += [*_errors(status, every=errors), *_problems(status, every=errors), *_figures(task, taken)]
    return Group(*parts)


def status_values(task: TaskFolder, status: TaskStatus) -> dict[str, Any]:
    """The same as JSON values."""
    taken = figures(status)
    by_id = {each.id: asdict(each) for each in taken}
    return {
        "task": task.record.name,
        "engine": task.record.engine,
        "problem": status.problem,
        "counts": {state.value: number for state, number in status.counts().items()},
        "errors": {
            str(code): {
                "meaning": verdict(code).meaning,
                "action": verdict(code).action.value,
                "jobs": [j.id for j in jobs],
            }
            for code, jobs in status.errors().items()
        },
        "figures": {name: spread and asdict(spread) for name, spread in spreads(taken).items()},
        "cpu_efficiency": _efficiency(task, taken),
        "jobs": [
            {
                "id": job.id,
                "state": job.state.value,
                "exit_code": job.exit_code,
                "reason": job.reason,
                "attempts": job.tried,
                "runs": job.runs,
                "host": job.run.start.host if job.run and job.run.start else None,
                "figures": by_id.get(job.id),
                "limits": to_builtins(_limits(task, job)),
                "engine_options": dict(task.engine_options(job.facts.order)),
                "problems": list(job.facts.problems),
            }
            for job in status.jobs
        ],
    }


def _states(task: TaskFolder, status: TaskStatus) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_row("Task:", Text(str(task.path)))
    table.add_row("Engine:", task.record.engine)
    heading = "Jobs status:"
    total = len(status.jobs)
    for state, number in status.counts().items():
        share = f"{100 * number / total:5.1f}% ({number}/{total})"
        table.add_row(heading, Text(f"{state.value:<12} {share}", COLOURS.get(state, "")))
        heading = ""
    return table


def _jobs(task: TaskFolder, status: TaskStatus, taken: list[JobFigures]) -> Table:
    by_id = {each.id: each for each in taken}
    # Without lines between the columns all but a long name of a host fits into 80 columns.
    table = Table(title="Jobs", title_justify="left", box=None, pad_edge=False, collapse_padding=True)
    for name in ("Job", "State", "Host", "Runtime", "MB", "CPU %", "Retries", "Restarts", "Exit code"):
        is_text = name in ("State", "Host")
        table.add_column(
            name, justify="left" if is_text else "right", no_wrap=name != "Host", overflow="fold"
        )
    for job in status.jobs:
        table.add_row(*_job_row(task, job, by_id.get(job.id)))
    return table


def _job_row(task: TaskFolder, job: JobStatus, taken: JobFigures | None) -> list[RenderableType]:
    end = job.run.end if job.run else None
    efficiency = _efficiency(task, [taken]) if taken else None
    return [
        str(job.id),
        Text(job.state.value, COLOURS.get(job.state, "")),
        job.run.start.host if job.run and job.run.start else "",
        _duration(end.wall_s) if end else "",
        f"{end.peak_rss_mb:.0f}" if end else "",
        f"{100 * efficiency:.0f}" if efficiency is not None else "",
        str(max(0, job.tried - 1)),
        str(max(0, job.runs - job.tried)),
        "" if job.exit_code is None else str(job.exit_code),
    ]


def _limits(task: TaskFolder, job: JobStatus) -> Limits:
    return job.facts.order.limits if job.facts.order else task.record.limits


def _asked_for(task: TaskFolder, status: TaskStatus) -> list[RenderableType]:
    """What the last attempts asked for, a line for jobs that asked for the same."""
    alike: dict[str, list[int]] = {}
    for job in status.jobs:
        limits, options = _limits(task, job), task.engine_options(job.facts.order)
        told = "".join(f", {name}={value}" for name, value in options.items())
        asked = f"{limits.memory_mb} MB, {limits.wall_time_s // 60} min, {limits.cores} cores{told}"
        alike.setdefault(asked, []).append(job.id)
    return [Text(f"jobs {short_list(jobs)} asked for {asked}") for asked, jobs in alike.items()]


def _problems(status: TaskStatus, *, every: bool) -> list[RenderableType]:
    """Files that cannot be read, and what to do."""
    found = [Text(f"job {job.id}: {each}", "yellow") for job in status.jobs for each in job.facts.problems]
    if not found:
        return []
    shown = found if every else found[:_PROBLEMS]
    left = len(found) - len(shown)
    more = [Text(f"and {left} more; --verboseErrors lists all")] if left else []
    return [*shown, *more, Text("finished jobs stay so; the others run again with `eventproc resubmit`")]


def _errors(status: TaskStatus, *, every: bool) -> list[RenderableType]:
    grouped = status.errors()
    if not grouped:
        return []
    table = Table(title="Errors of jobs that are not finished", title_justify="left")
    for name in ("Exit code", "Meaning", "Next", "Jobs"):
        table.add_column(name, overflow="fold")
    for code, jobs in grouped.items():
        found = verdict(code)
        table.add_row(str(code), found.meaning, found.action.value, short_list([job.id for job in jobs]))
    shown = [job for jobs in grouped.values() for job in (jobs if every else jobs[:1]) if job.reason]
    reasons = [Text(f"job {job.id}: {_first_line(job.reason)}", "dim") for job in shown]
    if status.of(State.TO_RETRY):
        waiting = "what is toRetry waits for `eventproc resubmit`, unless a --follow looks after it"
        reasons.append(Text(waiting))
    return [table, *reasons]


def _figures(task: TaskFolder, taken: list[JobFigures]) -> list[RenderableType]:
    if not taken:
        return []
    table = Table(title=f"Figures of {len(taken)} finished jobs", title_justify="left")
    for name in ("", "min", "mean", "max"):
        table.add_column(name, justify="right" if name else "left")
    found = spreads(taken)
    for name, title, scale, form in (
        ("wall_s", "run time [s]", 1.0, ".1f"),
        ("peak_rss_mb", "memory [MB]", 1.0, ".0f"),
        ("events_per_second", "events per second", 1.0, ".2f"),
        ("latency_p50_s", "median latency [ms]", 1e3, ".1f"),
        ("latency_p95_s", "95 % latency [ms]", 1e3, ".1f"),
    ):
        if (spread := found[name]) is not None:
            values = (spread.least, spread.mean, spread.greatest)
            table.add_row(Text(title), *(format(scale * value, form) for value in values))
    efficiency = _efficiency(task, taken) or 0.0
    parts: list[RenderableType] = [table, Text(f"CPU efficiency: {100 * efficiency:.0f} %")]
    return [*parts, *(Text(line, "yellow") for line in _warnings(task, found, efficiency))]


def _warnings(task: TaskFolder, found: dict[str, Spread | None], efficiency: float) -> list[str]:
    limits = task.record.limits
    memory, wall = found["peak_rss_mb"], found["wall_s"]
    lines = []
    if memory and memory.greatest < LOW_MEMORY * limits.memory_mb:
        lines.append(
            f"the jobs took at most {memory.greatest:.0f} MB of the {limits.memory_mb} MB that they ask for"
        )
    if wall and wall.greatest < LOW_TIME * limits.wall_time_s:
        lines.append(
            f"the jobs ran at most {wall.greatest:.0f} s of the {limits.wall_time_s} s that they ask for"
        )
    if efficiency < LOW_CPU:
        lines.append("the jobs used less than half of their time on a CPU: they wait, for servers or files")
    return lines


def _efficiency(task: TaskFolder, taken: list[JobFigures]) -> float | None:
    wall_s = sum(each.wall_s for each in taken) * task.record.limits.cores
    return sum(each.cpu_s for each in taken) / wall_s if wall_s else None


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"


def _first_line(text: str) -> str:
    line = text.strip().splitlines()[0] if text.strip() else ""
    return line if len(line) <= _LONGEST_REASON else f"{line[:_LONGEST_REASON]}..."
