"""The worker: runs one attempt of a job where the batch system put it, and publishes its outputs once."""

from __future__ import annotations

import dataclasses
import shlex
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from eventproc.batch.child_process import Supervisor
from eventproc.batch.errors import DamagedRecord, NoJobReport, StageInFailure, StageOutFailure
from eventproc.batch.job_configuration import with_files
from eventproc.batch.job_folder import JobFolder, RunFolder, now
from eventproc.batch.records import (
    AttemptRecord,
    DoneRecord,
    EndRecord,
    FileRecord,
    OutputRecord,
    WorkOrder,
)
from eventproc.batch.verification import damage
from eventproc.config.frozen_job import read_frozen_job, render_frozen_job
from eventproc.errors import (
    CaughtSignal,
    ConfigurationError,
    EventProcError,
    FileReadError,
    FileWriteError,
    MismatchedInputFiles,
    UnexpectedTermination,
)

_COMMAND_LINE = 3
"""The worker's own name, the job's folder, the attempt."""


class JobFailed(Exception):
    """The job ended with an error of its own.

    Attributes:
        exit_code: as its report or the shell gives it.
    """

    def __init__(self, exit_code: int, reason: str) -> None:
        super().__init__(reason)
        self.exit_code = exit_code


def main() -> None:
    """Runs the attempt that the command line names; ends with the shell's form of its exit code."""
    if len(sys.argv) != _COMMAND_LINE:
        sys.stderr.write("usage: python -m eventproc.batch.worker JOB_FOLDER ATTEMPT\n")
        sys.exit(7000 & 0xFF)
    try:
        code = run_attempt(JobFolder(Path(sys.argv[1]).resolve()), int(sys.argv[2]))
    except EventProcError as error:
        sys.stderr.write(f"eventproc worker: {error}\n")
        code = error.exit_code
    sys.exit(code & 0xFF if code > 0xFF else code)


def run_attempt(job: JobFolder, number: int) -> int:
    """Runs an attempt, unless the job is finished or the attempt unwanted.

    Returns:
        CMSSW's exit code, or the wrapper's.

    Raises:
        ConfigurationError: the folder holds no job, or the attempt was never ordered.
        NoJobReport: what it is to do cannot be read.
        FileReadError: whether it is finished cannot be read.
        FileWriteError: the job's folder cannot be written.
    """
    if _is_finished(job):
        sys.stdout.write(f"job {job.path.name} is done already\n")
        return 0
    try:
        order, attempt = _wishes(job, number)
    except FileReadError as error:  # said where whoever asks how the job stands looks
        run = job.new_run(number)
        run.begin()
        run.finish(EndRecord(NoJobReport.exit_code, str(error), now()))
        raise NoJobReport(str(error)) from None
    run = job.new_run(number)
    run.begin()
    supervisor = Supervisor(attempt.limits, lambda: job.kill_asked(number))
    began_s = time.monotonic()
    code, reason = 0, ""
    try:
        supervisor.wait(attempt.delay_s)
        _Work(job, run, order, supervisor).do()
    except JobFailed as failure:
        code, reason = failure.exit_code, str(failure)
    except EventProcError as error:
        code, reason = error.exit_code, str(error)
    except OSError as error:
        code, reason = FileWriteError.exit_code, f"{error.filename or run.path}: {error.strerror}"
    usage = supervisor.usage
    wall_s = time.monotonic() - began_s
    run.finish(EndRecord(code, reason, now(), wall_s, usage.cpu_s, usage.peak_rss_mb))
    if reason:
        sys.stderr.write(f"job {order.id}, attempt {number}: exit code {code}: {reason}\n")
    return code


def _wishes(job: JobFolder, number: int) -> tuple[WorkOrder, AttemptRecord]:
    order, attempt = job.order(), job.attempt(number)
    if order is None or attempt is None:
        what = "no order.json" if order is None else f"no attempt {number}"
        message = f"job folder {str(job.path)!r} has {what}"
        raise ConfigurationError(message)
    return order, attempt


def _is_finished(job: JobFolder) -> bool:
    """Whether the outputs that count are there; ones or a record that are damaged make the job unfinished."""
    try:
        done = job.done()
    except DamagedRecord:
        job.forget_done()
        return False
    if done is None:
        return False
    if any(damage(job, output) for output in done.outputs):
        job.forget_done()
        return False
    return True


class _Work:
    """The steps of one run."""

    def __init__(self, job: JobFolder, run: RunFolder, order: WorkOrder, supervisor: Supervisor) -> None:
        self._job = job
        self._run = run
        self._order = order
        self._supervisor = supervisor

    def do(self) -> None:
        with tempfile.TemporaryDirectory(prefix="eventproc-inputs-") as inputs:
            configuration = self._staged_in(Path(inputs)) if self._order.hooks.stage_in else self._job.process
            self._go_on()
            report = self._run_job(configuration)
        outputs = [self._staged_out(self._output(values)) for values in report["outputs"]]
        self._publish(report, outputs)

    def _go_on(self) -> None:
        if self._supervisor.stop is not None:
            raise self._supervisor.stop

    def _staged_in(self, folder: Path) -> Path:
        """A configuration that reads local copies of the inputs."""
        description = read_frozen_job(self._job.process)
        source = description.source
        names = source.parameters.get("fileNames", [])
        entries = source.parameters.get("entriesToProcess") or [""] * len(names)
        copies = {name: folder / f"{n}-{Path(name).name}" for n, name in enumerate(dict.fromkeys(names))}
        for name, copy in copies.items():
            self._call(self._order.hooks.stage_in, name, str(copy), StageInFailure)
        files = [FileRecord(str(copies[n]), e) for n, e in zip(names, entries, strict=True)]
        source = with_files(source, files, source.parameters.get("lumisToProcess", ()))
        path = self._run.path / "process.json"
        path.write_text(render_frozen_job(dataclasses.replace(description, source=source)))
        return path

    def _call(self, hook: str, source: str, target: str, failure: type[EventProcError]) -> None:
        command = [*shlex.split(hook), source, target]
        try:
            code = self._supervisor.run(command, self._run.path, self._run.log)
        except OSError as error:
            message = f"{shlex.join(command)}: {error.strerror}"
            raise failure(message) from None
        self._go_on()
        if code:
            message = f"{shlex.join(command)} ended with code {code}"
            raise failure(message)

    def _run_job(self, configuration: Path) -> dict[str, Any]:
        command = [sys.executable, "-m", "eventproc", "run", str(configuration)]
        code = self._supervisor.run(command, self._run.path, self._run.log)
        report = self._run.report()
        stop = self._supervisor.stop
        if code == 0 and report is not None and report.get("exit_code") == 0:
            self._check_events(report)
            return report
        if stop is not None and not isinstance(stop, CaughtSignal):
            raise stop
        raise _failure(code, report)

    def _check_events(self, report: dict[str, Any]) -> None:
        read, wanted = report["events_read"], self._order.events
        if wanted is not None and read != wanted:
            message = (
                f"the job read {read} events and its slice has {wanted}: the input is not what it was "
                "when the task was submitted"
            )
            raise MismatchedInputFiles(message)

    def _output(self, values: dict[str, Any]) -> OutputRecord:
        path = self._run.path / values["pfn"]
        size = path.stat().st_size if path.is_file() else -1
        if not values["complete"] or size != values["size_bytes"]:
            message = f"output {values['pfn']!r} is not there as the job's report describes it"
            raise NoJobReport(message)
        return OutputRecord(
            label=values["label"],
            pfn=str(path.relative_to(self._job.path)),
            events=values["events"],
            size_bytes=size,
            sha256=values["checksum"]["sha256"],
            adler32=values["checksum"]["adler32"],
            lumis=tuple((run, lumi, events) for run, lumi, events in values["runs_and_lumis"]),
        )

    def _staged_out(self, output: OutputRecord) -> OutputRecord:
        hooks = self._order.hooks
        if not hooks.output_to:
            return output
        path = self._job.path / output.pfn
        # The run's name makes it unique: a second copy of the job never writes over the first one's.
        name = f"{path.stem}_{self._order.id}_{self._run.path.name}{path.suffix}"
        target = f"{hooks.output_to.rstrip('/')}/{self._order.task}/{name}"
        if hooks.stage_out:
            self._call(hooks.stage_out, str(path), target, StageOutFailure)
        else:
            _copy(path, Path(target))
        path.unlink()
        return msgspec.structs.replace(output, pfn=target)

    def _publish(self, report: dict[str, Any], outputs: Sequence[OutputRecord]) -> None:
        lumis = {(run, lumi) for file in report["inputs"] for run, lumi in file["runs_and_lumis"]}
        host = socket.gethostname()
        attempt = self._run.attempt
        name = self._run.path.name
        done = DoneRecord(name, attempt, host, report["events_read"], tuple(sorted(lumis)), tuple(outputs))
        while not self._job.claim_done(done):
            if _is_finished(self._job):
                break
        else:
            return
        sys.stdout.write("another run of this job was faster; its outputs count, these are removed\n")
        for output in outputs:
            if not self._order.hooks.stage_out:
                (self._job.path / output.pfn).unlink(missing_ok=True)


def _failure(code: int, report: dict[str, Any] | None) -> Exception:
    """What a job's ending means, from its return code and its report."""
    if report is not None and report.get("exit_code") not in (0, UnexpectedTermination.exit_code, None):
        errors = report.get("errors") or [{}]
        return JobFailed(int(report["exit_code"]), str(errors[0].get("message", "")))
    if code < 0:
        return JobFailed(128 - code, f"the job was killed by signal {-code}")
    if report is None:
        return NoJobReport(f"the job ended with code {code} and left no report")
    return JobFailed(UnexpectedTermination.exit_code, f"the job ended with code {code} and did not say why")


def _copy(path: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.tmp")
        shutil.copyfile(path, temporary)
        temporary.rename(target)
    except OSError as error:
        message = f"cannot stage out {str(path)!r} to {str(target)!r}: {error.strerror}"
        raise StageOutFailure(message) from None


if __name__ == "__main__":
    main()
