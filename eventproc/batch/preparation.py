"""Preparation: a job file and a dataset become a task folder, ready for an engine."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from eventproc.batch.dataset import read_dataset, refuse_repeated
from eventproc.batch.dataset_content import look_into
from eventproc.batch.job_configuration import check_divisible, output_names
from eventproc.batch.job_folder import now
from eventproc.batch.manifest import job_records
from eventproc.batch.records import TASK_FORMAT, Limits, TaskRecord
from eventproc.errors import ConfigurationError
from eventproc.model.descriptions import ProcessDescription
from eventproc.model.ranges import LumiMask
from eventproc.model.splitting import (
    DatasetFile,
    JobSlice,
    identical_jobs,
    split_by_event_aware_lumis,
    split_by_events,
    split_by_files,
    split_by_lumis,
)

Splitter = Callable[[Sequence[DatasetFile], LumiMask | None], list[JobSlice]]


@dataclass(frozen=True, slots=True)
class Splitting:
    """How a dataset is split; exactly one number is given.

    Attributes:
        files_per_job: FileBased.
        events_per_job: events of a job, or of whole luminosity blocks.
        lumis_per_job: LumiBased.
        identical: this many jobs, each over everything.
        whole_lumis: with ``events_per_job``, EventAwareLumiBased.
    """

    files_per_job: int | None = None
    events_per_job: int | None = None
    lumis_per_job: int | None = None
    identical: int | None = None
    whole_lumis: bool = False

    def splitter(self) -> tuple[Splitter, bool]:
        """What splits, and whether it must look into the files.

        Raises:
            ConfigurationError: none or several numbers are given.
        """
        by_events = split_by_event_aware_lumis if self.whole_lumis else split_by_events
        ways: list[tuple[str, int | None, Callable[..., list[JobSlice]], bool]] = [
            ("--files-per-job", self.files_per_job, split_by_files, False),
            ("--events-per-job", self.events_per_job, by_events, True),
            ("--lumis-per-job", self.lumis_per_job, split_by_lumis, True),
            ("--identical", self.identical, identical_jobs, False),
        ]
        given = [way for way in ways if way[1] is not None]
        if len(given) != 1:
            what = "none" if not given else " and ".join(name for name, *_ in given)
            message = f"give one of {', '.join(name for name, *_ in ways)}; given: {what}"
            raise ConfigurationError(message)
        _, number, split, needs_content = given[0]
        return lambda files, mask: split(files, number, mask), needs_content


@dataclass(frozen=True, slots=True)
class TaskPlan:
    """What a task shall be, besides its job.

    Attributes:
        name: its name.
        dataset: words that name files; none for those of the job file.
        dataset_name: the dataset to take from a file set.
        splitting: how it is split.
        mask: luminosity blocks to process; None for all.
        engine: name of the engine.
        engine_options: what the engine is told.
        limits: what each job may take.
        attempts: how often a job is tried.
        ramp_s: first attempts begin within so much time; None for a twentieth of a second for each job.
        backoff_s: mean wait before the second attempt.
    """

    name: str
    splitting: Splitting
    engine: str
    dataset: Sequence[str] = ()
    dataset_name: str = ""
    mask: LumiMask | None = None
    engine_options: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    attempts: int = 3
    ramp_s: float | None = None
    backoff_s: float = 10.0


LONGEST_RAMP_S = 60.0
RAMP_PER_JOB_S = 0.05


def plan_task(description: ProcessDescription, plan: TaskPlan) -> TaskRecord:
    """The manifest of a task.

    Raises:
        ConfigurationError: the job cannot be split so, or the dataset makes no sense.
        FileOpenError: a file of the dataset cannot be opened.
        FileReadError: its event ids cannot be read.
    """
    outputs = output_names(description)
    slices = _slices(description, plan)
    if not slices:
        message = "the dataset holds no event to process: there are no jobs to submit"
        raise ConfigurationError(message)
    jobs = job_records(slices)
    ramp_s = min(LONGEST_RAMP_S, RAMP_PER_JOB_S * len(jobs)) if plan.ramp_s is None else plan.ramp_s
    mask = plan.mask.runs if plan.mask is not None else {}
    return TaskRecord(
        format=TASK_FORMAT,
        name=plan.name,
        created=now(),
        process=description.name,
        configuration_id=description.id,
        engine=plan.engine,
        engine_options=dict(plan.engine_options),
        outputs=outputs,
        limits=plan.limits,
        attempts=plan.attempts,
        ramp_s=ramp_s,
        backoff_s=plan.backoff_s,
        jobs=jobs,
        lumi_mask={str(run): list(intervals) for run, intervals in mask.items()},
    )


def _slices(description: ProcessDescription, plan: TaskPlan) -> list[JobSlice]:
    split, needs_content = plan.splitting.splitter()
    names = description.source.parameters.get("fileNames")
    if names is None and plan.splitting.identical is not None and not plan.dataset:
        return split((), None)
    if plan.splitting.identical is None or plan.dataset:
        check_divisible(description)
    files = read_dataset(plan.dataset or names or (), plan.dataset_name)
    if description.source.parameters.get("duplicateCheckMode") != "noDuplicateCheck":
        refuse_repeated(files)
    remote = [file for file in files if "://" in file.name]
    # Local files are looked into at no cost worth speaking of, and what they hold is then checked.
    if needs_content or not remote:
        files = look_into(files, description.source)
    parts = [part for part in split(files, plan.mask) if part.events != 0]
    if description.max_events >= 0 or description.source.parameters.get("skipEvents"):
        return [dataclasses.replace(part, events=None) for part in parts]  # identical jobs may do that
    return parts
