"""TaskFolder: a task on disk: its manifest, its configuration, and a folder for each job."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from eventproc.batch.job_configuration import job_configuration
from eventproc.batch.job_folder import JobFolder
from eventproc.batch.record_files import read_record, write_record, write_whole
from eventproc.batch.records import TASK_FORMAT, AttemptRecord, Hooks, JobRecord, TaskRecord, WorkOrder
from eventproc.batch.run_script import render_run_script
from eventproc.batch.wheel import pack_wheel, plugin_distributions
from eventproc.config.frozen_job import read_frozen_job, render_frozen_job
from eventproc.errors import ConfigurationError, EventProcError, FileWriteError, near_names
from eventproc.model.descriptions import ProcessDescription

MANIFEST = "task.json"


@dataclass(frozen=True, slots=True)
class TaskFolder:
    """A task that was prepared.

    Attributes:
        path: its folder.
        record: its manifest.
    """

    path: Path
    record: TaskRecord

    @classmethod
    def load(cls, path: Path) -> TaskFolder:
        """Opens a task.

        Raises:
            ConfigurationError: the folder holds no task, or one of another version.
            FileReadError: its manifest is damaged.
        """
        record = read_record(path / MANIFEST, TaskRecord)
        if record is None:
            known = [entry.parent.name for entry in path.parent.glob(f"*/{MANIFEST}")]
            hint = near_names(path.name, known, "no folder beside it is one")
            message = f"{str(path)!r} is no task, it has no {MANIFEST}: {hint}"
            raise ConfigurationError(message)
        if record.format != TASK_FORMAT:
            message = f"task {str(path)!r} has format {record.format}; this version reads {TASK_FORMAT}"
            raise ConfigurationError(message)
        return cls(path.resolve(), record)

    def job(self, number: int) -> JobFolder:
        """The folder of a job."""
        return JobFolder(self.path / "jobs" / str(number))

    def jobs(self) -> Iterator[JobFolder]:
        """The folders of all jobs, in order."""
        for job in self.record.jobs:
            yield self.job(job.id)

    def engine_options(self, order: AttemptRecord | None) -> Mapping[str, str]:
        """What the engine is told for an attempt: what was said with it, else at submission."""
        said = order.engine_options if order else None
        return self.record.engine_options if said is None else said

    def shared_files(self) -> list[Path]:
        """What every job's folder holds alike: the run script, the site's setup, wheels."""
        scripts = (self.path / "run.sh", self.path / "setup.sh")
        return [*(path for path in scripts if path.exists()), *self.path.glob("*.whl")]

    def restore_job(self, number: int) -> None:
        """Makes again what a worker needs, where some of it is gone or damaged.

        Raises:
            FileWriteError: it cannot be written.
            ConfigurationError: the configuration of the task is damaged too.
        """
        folder = self.job(number)
        if self._is_ready(folder):
            return
        description = read_frozen_job(self.path / "process.json")
        try:
            _write_job(self, self.record.jobs[number - 1], description)
        except OSError as error:
            message = f"cannot restore job folder {str(folder.path)!r}: {error.strerror}"
            raise FileWriteError(message) from error

    def _is_ready(self, folder: JobFolder) -> bool:
        try:
            read_frozen_job(folder.process)
            pairs = [(file, folder.path / file.name) for file in self.shared_files()]
            same = all(file.stat().st_size == own.stat().st_size for file, own in pairs)
            return same and folder.order() is not None
        except (EventProcError, OSError):
            return False

    @property
    def engine_folder(self) -> Path:
        """Where the engine keeps files of its own."""
        return self.path / "engine"


def create_task(
    path: Path,
    record: TaskRecord,
    description: ProcessDescription,
    *,
    hooks: Hooks,
    python: str,
    setup: Path | None,
) -> TaskFolder:
    """Writes a task; the manifest comes last, so that a half-written task is none.

    Args:
        path: the folder to be.
        record: the manifest.
        description: the frozen job, before it is sliced.
        hooks: what the site adds.
        python: interpreter on the workers.
        setup: shell file that workers read first; None for none.

    Raises:
        ConfigurationError: the folder holds a task already, or a package cannot be shipped.
        FileWriteError: it cannot be written.
    """
    if (path / MANIFEST).exists():
        message = f"{str(path)!r} holds a task already: choose another --task, or remove it"
        raise ConfigurationError(message)
    if not str(path).isprintable():
        message = f"task {str(path)!r}: lists of jobs are lines of text; choose a --task that can be printed"
        raise ConfigurationError(message)
    task = TaskFolder(path, replace(record, hooks=hooks))
    try:
        for folder in (task.engine_folder, path / "jobs"):
            folder.mkdir(parents=True, exist_ok=True)
        write_whole(path / "process.json", render_frozen_job(description))
        wheels = [pack_wheel(distribution, path) for distribution in plugin_distributions()]
        write_whole(path / "run.sh", render_run_script(python, _key(wheels)))
        (path / "run.sh").chmod(0o755)
        if setup is not None:
            shutil.copyfile(setup, path / "setup.sh")
        for job in task.record.jobs:
            _write_job(task, job, description)
        write_record(path / MANIFEST, task.record)
    except OSError as error:
        message = f"cannot write task {str(path)!r}: {error.filename or ''} {error.strerror}"
        raise FileWriteError(message) from error
    return TaskFolder.load(path)


def _write_job(task: TaskFolder, job: JobRecord, description: ProcessDescription) -> None:
    """Writes what a worker needs; what is there already may be read by one."""
    folder = task.job(job.id)
    folder.path.mkdir(exist_ok=True)
    write_whole(folder.process, render_frozen_job(job_configuration(description, job, task.record.outputs)))
    for shared in task.shared_files():
        _copy(shared, folder.path / shared.name)
    events = job.events if job.files else None
    folder.write_order(WorkOrder(task.record.name, job.id, events, task.record.hooks))


def _key(wheels: list[Path]) -> str:
    digest = hashlib.sha256()
    for wheel in wheels:
        digest.update(wheel.read_bytes())
    return digest.hexdigest()[:16]


def _copy(file: Path, name: Path) -> None:
    """A copy; of a wheel one file under both names, where the file system can."""
    name.unlink(missing_ok=True)
    with suppress(OSError):
        if file.suffix == ".whl":
            os.link(file, name)
            return
    shutil.copy(file, name)
