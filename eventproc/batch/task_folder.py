"""TaskFolder: a task on disk: its manifest, its configuration, and a folder for each job."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from eventproc.batch.job_configuration import job_configuration
from eventproc.batch.job_folder import JobFolder
from eventproc.batch.record_files import read_record, write_record
from eventproc.batch.records import TASK_FORMAT, Hooks, JobRecord, TaskRecord, WorkOrder
from eventproc.batch.run_script import render_run_script
from eventproc.batch.wheel import pack_wheel, plugin_distributions
from eventproc.config.frozen_job import render_frozen_job
from eventproc.errors import ConfigurationError, FileWriteError, near_names
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
    try:
        for folder in (path / "engine", path / "jobs"):
            folder.mkdir(parents=True, exist_ok=True)
        (path / "process.json").write_text(render_frozen_job(description))
        wheels = [pack_wheel(distribution, path) for distribution in plugin_distributions()]
        script = render_run_script(python, _key(wheels))
        for job in record.jobs:
            folder = path / "jobs" / str(job.id)
            folder.mkdir(exist_ok=True)
            configuration = job_configuration(description, job, record.outputs)
            (folder / "process.json").write_text(render_frozen_job(configuration))
            (folder / "run.sh").write_text(script)
            (folder / "run.sh").chmod(0o755)
            if setup is not None:
                shutil.copyfile(setup, folder / "setup.sh")
            for wheel in wheels:
                _share(wheel, folder / wheel.name)
            JobFolder(folder).write_order(WorkOrder(record.name, job.id, _events(job), hooks))
        write_record(path / MANIFEST, record)
    except OSError as error:
        message = f"cannot write task {str(path)!r}: {error.filename or ''} {error.strerror}"
        raise FileWriteError(message) from error
    return TaskFolder.load(path)


def _events(job: JobRecord) -> int | None:
    return job.events if job.files else None


def _key(wheels: list[Path]) -> str:
    digest = hashlib.sha256()
    for wheel in wheels:
        digest.update(wheel.read_bytes())
    return digest.hexdigest()[:16]


def _share(wheel: Path, name: Path) -> None:
    """One file under both names, where the file system can."""
    name.unlink(missing_ok=True)
    try:
        os.link(wheel, name)
    except OSError:
        shutil.copyfile(wheel, name)
