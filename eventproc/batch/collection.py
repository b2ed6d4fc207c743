"""Collection: verifies the outputs of a task against its records and merges them in the order of jobs."""

from __future__ import annotations

import json
import shlex
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from eventproc.batch.engines.command_line import call
from eventproc.batch.errors import EngineFailure
from eventproc.batch.job_status import JobStatus, State
from eventproc.batch.lumi_report import LUMI_REPORTS
from eventproc.batch.record_files import write_whole
from eventproc.batch.records import DoneRecord, OutputRecord
from eventproc.batch.task_folder import TaskFolder
from eventproc.batch.task_status import TaskStatus, figures, spreads
from eventproc.batch.verification import damage, file_damage, output_path
from eventproc.errors import ConfigurationError, FileReadError
from eventproc.io.merging.merge import MergedFile, merge_files
from eventproc.io.merging.merge_part import Part

REPORT = "report.json"


@dataclass(frozen=True, slots=True)
class Collected:
    """What collection made.

    Attributes:
        files: merged files by label of the output module.
        jobs: jobs whose outputs are in them.
        missing: jobs whose outputs are not, because they are not finished.
        events_read: events that those jobs read.
    """

    files: dict[str, list[MergedFile]]
    jobs: int
    missing: tuple[int, ...]
    events_read: int


def collect_outputs(
    task: TaskFolder, status: TaskStatus, folder: Path, *, n_files: int = 1, partial: bool = False
) -> Collected:
    """Verifies every output, then merges those of each output module into so many files.

    It may be killed at any point and called again: files appear complete, in place of those of an earlier
    collection, of which nothing stays.

    Args:
        task: the task.
        status: how its jobs stand.
        folder: where the merged files go.
        n_files: files for each output module; consecutive jobs share one.
        partial: merge what is finished when not all is.

    Raises:
        ConfigurationError: not all jobs are finished and ``partial`` is not asked for, or none is.
        FileReadError: an output is not what its job wrote.
        EventProcError: what `merge_files` raises.
        OSError: the folder cannot be written.
    """
    finished = [job for job in status.jobs if job.state is State.FINISHED]
    missing = tuple(job.id for job in status.jobs if job.state is not State.FINISHED)
    if not finished or (missing and not partial):
        message = (
            f"{len(finished)} of {len(status.jobs)} jobs are finished, without {_short(missing)}; "
            "wait for them, resubmit them, or collect what there is with --partial"
        )
        raise ConfigurationError(message)
    _verify(task, finished)
    folder.mkdir(parents=True, exist_ok=True)
    groups = list(_groups(finished, n_files))
    paths = {label: _paths(folder, name, len(groups)) for label, name in task.record.outputs.items()}
    _remove_earlier(folder, {path for each in paths.values() for path in each})
    files = {
        label: [_merge(task, label, group, path) for group, path in zip(groups, each, strict=True)]
        for label, each in paths.items()
    }
    return Collected(files, len(finished), missing, sum(_done(job).events_read for job in finished))


def write_merged_report(task: TaskFolder, status: TaskStatus, collected: Collected, folder: Path) -> None:
    """Writes the sum of all job reports as JSON, to ``report.json``.

    Raises:
        OSError: it cannot be written.
    """
    taken = figures(status)
    values: dict[str, Any] = {
        "task": task.record.name,
        "process": task.record.process,
        "configuration_id": task.record.configuration_id,
        "jobs": collected.jobs,
        "missing_jobs": list(collected.missing),
        "events_read": collected.events_read,
        "attempts": sum(job.tried for job in status.jobs),
        "runs": sum(job.runs for job in status.jobs),
        "wall_s": sum(f.wall_s for f in taken),
        "cpu_s": sum(f.cpu_s for f in taken),
        "per_job": {name: spread and asdict(spread) for name, spread in spreads(taken).items()},
        "outputs": {
            label: [
                {"pfn": str(f.path), "events": f.events, "size_bytes": f.size_bytes, "checksum": f.checksum}
                for f in files
            ]
            for label, files in collected.files.items()
        },
    }
    write_whole(folder / REPORT, json.dumps(values, indent=1) + "\n")


def _remove_earlier(folder: Path, replaced: Collection[Path]) -> None:
    """Removes an earlier collection's report, and its files that this one will not replace.

    Three files of an earlier collection and two of this one would hold events twice; a report of other jobs
    than the files hold would mislead whoever reads it after this process was killed.
    """
    try:
        outputs = json.loads((folder / REPORT).read_bytes())["outputs"]
        names = [Path(file["pfn"]).name for files in outputs.values() for file in files]
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        names = []  # no earlier one, or a report.json of somebody else
    for name in names:
        if folder / name not in replaced:
            (folder / name).unlink(missing_ok=True)
    for name in (REPORT, *LUMI_REPORTS):
        (folder / name).unlink(missing_ok=True)


def _done(job: JobStatus) -> DoneRecord:
    assert job.facts.done is not None  # noqa: S101 - finished jobs have it
    return job.facts.done


def _verify(task: TaskFolder, finished: Sequence[JobStatus]) -> None:
    problems = {
        job.id: problem
        for job in finished
        for output in _done(job).outputs
        if (problem := damage(task.job(job.id), output))
    }
    if problems:
        listed = "".join(f"\n  job {job}: {problem}" for job, problem in problems.items())
        message = (
            f"{len(problems)} of {len(finished)} jobs have outputs that are not what was written:{listed}\n"
            f"make them again with: eventproc resubmit {shlex.quote(str(task.path))} --force "
            f"--jobids {','.join(map(str, problems))}"
        )
        raise FileReadError(message)


def _merge(task: TaskFolder, label: str, jobs: Sequence[JobStatus], path: Path) -> MergedFile:
    with TemporaryDirectory(prefix="eventproc-collect-") as fetched:
        parts = [
            _part(task, job, output, Path(fetched))
            for job in jobs
            for output in _done(job).outputs
            if output.label == label
        ]
        if len(parts) != len(jobs):
            outputs = f"{len(parts)} outputs of {label}"
            message = f"{len(jobs)} jobs are to be merged into {str(path)!r}, and have {outputs}"
            raise FileReadError(message)
        return merge_files(parts, path, overwrite=True)


def _part(task: TaskFolder, job: JobStatus, output: OutputRecord, fetched: Path) -> Part:
    folder = task.job(job.id)
    path = output_path(folder, output)
    if path is not None:
        return Part(str(path), output.events)
    order = folder.order()
    if order is None or not order.hooks.stage_in:
        return Part(output.pfn, output.events)
    copy = fetched / f"{job.id}-{Path(output.pfn).name}"
    try:
        call([*shlex.split(order.hooks.stage_in), output.pfn, str(copy)])
    except EngineFailure as error:
        message = f"output {output.pfn!r} of job {job.id} cannot be fetched: {error}"
        raise FileReadError(message) from None
    problem = file_damage(copy, output)
    if problem:
        message = f"output {output.pfn!r} of job {job.id} is not what was written: {problem}"
        raise FileReadError(message)
    return Part(str(copy), output.events)


def _groups(jobs: Sequence[JobStatus], n_files: int) -> Iterator[Sequence[JobStatus]]:
    """Consecutive jobs, in groups of about the same size, at most so many."""
    n = min(max(n_files, 1), len(jobs))
    edges = [round(i * len(jobs) / n) for i in range(n + 1)]
    for first, last in pairwise(edges):
        yield jobs[first:last]


def _paths(folder: Path, name: str, n_files: int) -> list[Path]:
    plain = folder / name
    if n_files <= 1:
        return [plain]
    return [plain.with_name(f"{plain.stem}_{n}{plain.suffix}") for n in range(1, n_files + 1)]


def _short(numbers: Sequence[int]) -> str:
    """Numbers of jobs for a message: some of them when they are many."""
    shown = ", ".join(map(str, numbers[:10]))
    return f"{shown} and {len(numbers) - 10} more" if len(numbers) > 10 else shown or "none"
