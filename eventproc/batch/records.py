"""What the files of a task say: the task, its jobs, their attempts, and how each ended."""

from __future__ import annotations

from typing import Any

import msgspec

TASK_FORMAT = 1
"""Raised when a reader of the former format would misread a task."""


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of all records."""


class FileRecord(Record, frozen=True):
    """A file that a job reads.

    Attributes:
        name: path or URL.
        entries: ``first-last``, or "" for all.
    """

    name: str
    entries: str = ""


class JobRecord(Record, frozen=True):
    """A job of the manifest.

    Attributes:
        id: its number, from 1.
        files: what it reads.
        lumis: luminosity blocks to process, as ``run:first-run:last``; none for all.
        events: events to process; None when unknown.
        content: run, luminosity block and number of events, where known.
    """

    id: int
    files: tuple[FileRecord, ...]
    lumis: tuple[str, ...] = ()
    events: int | None = None
    content: tuple[tuple[int, int, int], ...] = ()


class Limits(Record, frozen=True):
    """What a job may take.

    Attributes:
        memory_mb: resident memory of the job and its children.
        wall_time_s: time from the start of the job.
        cores: cores to ask the batch system for.
    """

    memory_mb: int = 2000
    wall_time_s: int = 8 * 3600
    cores: int = 1


class Hooks(Record, frozen=True):
    """What a site adds.

    Attributes:
        stage_in: command that brings one input to the worker; gets source and destination; "" for none.
        stage_out: command that brings one output away; gets source and destination; "" for none.
        output_to: path or URL of the folder that outputs are staged out to.
    """

    stage_in: str = ""
    stage_out: str = ""
    output_to: str = ""


class TaskRecord(Record, frozen=True):
    """The manifest of a task.

    Attributes:
        format: TASK_FORMAT of the writer.
        name: name of the task, part of what batch systems show.
        created: ISO 8601, UTC.
        process: name of the process.
        configuration_id: ParameterSet ID of the job as it was given.
        engine: name of the engine.
        engine_options: what the engine was told at submission; an attempt may be told otherwise.
        outputs: label of each output module and its file name.
        limits: what each job may take.
        attempts: how often a job is tried before it counts as failed for good.
        ramp_s: first attempts start within so much time.
        backoff_s: mean wait before the second attempt; doubled for each further one.
        lumi_mask: the golden JSON that was given, {} for none.
        hooks: what the site adds.
        jobs: the jobs in the order of their events.
    """

    format: int
    name: str
    created: str
    process: str
    configuration_id: str
    engine: str
    engine_options: dict[str, str]
    outputs: dict[str, str]
    limits: Limits
    attempts: int
    ramp_s: float
    backoff_s: float
    jobs: tuple[JobRecord, ...]
    lumi_mask: dict[str, list[tuple[int, int]]] = {}
    hooks: Hooks = Hooks()


class WorkOrder(Record, frozen=True):
    """What a worker must know of a job besides its frozen configuration.

    Attributes:
        task: name of the task.
        id: number of the job.
        events: events to process; None when unknown.
        hooks: what the site adds.
    """

    task: str
    id: int
    events: int | None
    hooks: Hooks


class AttemptRecord(Record, frozen=True):
    """An attempt that is to be made; written before the batch system hears of it.

    Attributes:
        attempt: its number, from 1.
        ordered: when, ISO 8601, UTC.
        limits: what it may take.
        delay_s: how long it waits after its start, so that jobs do not begin together.
        engine_options: what the engine is told for it; None for what it was told at submission.
    """

    attempt: int
    ordered: str
    limits: Limits
    delay_s: float = 0.0
    engine_options: dict[str, str] | None = None


class SubmissionRecord(Record, frozen=True):
    """An attempt that the batch system has taken.

    Attributes:
        attempt: its number.
        engine_id: what the batch system calls it.
    """

    attempt: int
    engine_id: str


class StartRecord(Record, frozen=True):
    """A run that began; a requeued attempt has several.

    Attributes:
        attempt: number of the attempt.
        host: where.
        pid: process id of the worker there.
        started: ISO 8601, UTC.
    """

    attempt: int
    host: str
    pid: int
    started: str


class EndRecord(Record, frozen=True):
    """A run that ended and could say so.

    Attributes:
        exit_code: CMSSW's or the wrapper's code; 0 for success.
        reason: what happened, in a sentence; "" for success.
        ended: ISO 8601, UTC.
        wall_s: seconds from start to end.
        cpu_s: seconds of CPU of the job and its children.
        peak_rss_mb: highest resident memory of the job and its children seen.
    """

    exit_code: int
    reason: str
    ended: str
    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_rss_mb: float = 0.0


class OutputRecord(Record, frozen=True):
    """An output of the run that won.

    Attributes:
        label: label of the output module.
        pfn: path below the job's folder, or where it was staged out to.
        events: events in it.
        size_bytes: its size.
        sha256: of the whole file.
        adler32: of the whole file.
        lumis: run, luminosity block, events.
    """

    label: str
    pfn: str
    events: int
    size_bytes: int
    sha256: str
    adler32: str
    lumis: tuple[tuple[int, int, int], ...] = ()


class DoneRecord(Record, frozen=True):
    """What makes a job finished: the one run whose outputs count.

    Attributes:
        run: name of the folder of the run.
        attempt: number of the attempt.
        host: where it ran.
        events_read: events that it read.
        lumis_read: runs and luminosity blocks that it read.
        outputs: what it wrote.
    """

    run: str
    attempt: int
    host: str
    events_read: int
    lumis_read: tuple[tuple[int, int], ...]
    outputs: tuple[OutputRecord, ...]


class KillRecord(Record, frozen=True):
    """A user's wish that an attempt ends.

    Attributes:
        attempt: number of the attempt.
        asked: when, ISO 8601, UTC.
    """

    attempt: int
    asked: str


JobReportValues = dict[str, Any]
"""A FrameworkJobReport.json, decoded."""
