"""JobFolder: the files of one job, which alone say what became of it.

::

    jobs/17/
      process.json  order.json  run.sh  setup.sh  *.whl    what a worker needs, wherever the folder lies
      attempts/2.json  2.submitted.json  2.kill.json       what was wished of attempt 2
      logs/2.txt                                           what the batch system caught of it
      runs/2-host-4711/                                    one run of it: start.json, end.json, log.txt,
                                                           FrameworkJobReport.json, outputs
      done.json                                            the run whose outputs count: written once
"""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, count
from pathlib import Path

from eventproc.batch.record_files import claim_record, read_record, write_record
from eventproc.batch.records import (
    AttemptRecord,
    DoneRecord,
    EndRecord,
    JobReportValues,
    KillRecord,
    StartRecord,
    SubmissionRecord,
    WorkOrder,
)
from eventproc.errors import FileReadError, FileWriteError

REPORT = "FrameworkJobReport.json"


def now() -> str:
    """The time as records keep it: ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The folder of one run of an attempt."""

    path: Path

    @property
    def attempt(self) -> int:
        """Number of the attempt."""
        return int(self.path.name.split("-")[0])

    @property
    def log(self) -> Path:
        """What the job printed."""
        return self.path / "log.txt"

    def start(self) -> StartRecord | None:
        """When and where it began; None when it has not."""
        return read_record(self.path / "start.json", StartRecord)

    def end(self) -> EndRecord | None:
        """How it ended; None when it has not, or could not say so."""
        return read_record(self.path / "end.json", EndRecord)

    def report(self) -> JobReportValues | None:
        """The job report; None when there is none, or it cannot be read."""
        try:
            values = json.loads((self.path / REPORT).read_bytes())
        except (OSError, ValueError):
            return None
        return values if isinstance(values, dict) else None

    def begin(self) -> None:
        """Says that the run of this process begins."""
        record = StartRecord(self.attempt, socket.gethostname(), os.getpid(), now())
        write_record(self.path / "start.json", record)

    def finish(self, end: EndRecord) -> None:
        """Says how the run ended."""
        write_record(self.path / "end.json", end)


@dataclass(frozen=True, slots=True)
class JobFolder:
    """The folder of one job."""

    path: Path

    @property
    def id(self) -> int:
        """Number of the job."""
        return int(self.path.name)

    @property
    def script(self) -> Path:
        """What a worker runs."""
        return self.path / "run.sh"

    @property
    def process(self) -> Path:
        """The frozen configuration."""
        return self.path / "process.json"

    def order(self) -> WorkOrder | None:
        """What the worker must know."""
        return read_record(self.path / "order.json", WorkOrder)

    def write_order(self, order: WorkOrder) -> None:
        """Says what the worker must know."""
        write_record(self.path / "order.json", order)

    def attempts(self) -> Sequence[int]:
        """Numbers of all attempts ordered, ascending."""
        found = [re.fullmatch(r"(\d+)\.json", name) for name in self._names("attempts")]
        return sorted(int(match[1]) for match in found if match)

    def attempt(self, number: int) -> AttemptRecord | None:
        """What was wished of an attempt."""
        return read_record(self.path / "attempts" / f"{number}.json", AttemptRecord)

    def order_attempt(self, attempt: AttemptRecord) -> bool:
        """Takes down an attempt to be made; False when another process has just ordered it.

        Raises:
            FileWriteError: the folder is gone or cannot be written.
        """
        _made(self.path / "attempts")
        _made(self.path / "logs")
        return claim_record(self.path / "attempts" / f"{attempt.attempt}.json", attempt)

    def submission(self, number: int) -> SubmissionRecord | None:
        """What the batch system calls an attempt; None when it never took it."""
        return read_record(self.path / "attempts" / f"{number}.submitted.json", SubmissionRecord)

    def mark_submitted(self, submission: SubmissionRecord) -> None:
        """Takes down that the batch system has an attempt."""
        write_record(self.path / "attempts" / f"{submission.attempt}.submitted.json", submission)

    def kill_asked(self, number: int) -> bool:
        """Whether an attempt is to end; what cannot be seen now is not asked for yet."""
        # pathlib's exists() raises where the file system has a hiccup, and a job that runs would end of it.
        return os.path.exists(self.path / "attempts" / f"{number}.kill.json")  # noqa: PTH110

    def ask_kill(self, number: int) -> None:
        """Takes down that an attempt is to end; its worker looks for this. 0: there is to be none.

        Raises:
            FileWriteError: the folder is gone or cannot be written.
        """
        _made(self.path / "attempts")
        write_record(self.path / "attempts" / f"{number}.kill.json", KillRecord(number, now()))

    def engine_log(self, number: int) -> Path:
        """Where the batch system puts what an attempt's script prints."""
        return self.path / "logs" / f"{number}.txt"

    def runs(self) -> Iterator[RunFolder]:
        """All runs, by attempt."""
        names = [name for name in self._names("runs") if re.match(r"\d+-", name)]
        for name in sorted(names, key=lambda name: (int(name.split("-")[0]), name)):
            yield RunFolder(self.path / "runs" / name)

    def run(self, name: str) -> RunFolder:
        """The run of a name."""
        return RunFolder(self.path / "runs" / name)

    def new_run(self, attempt: int) -> RunFolder:
        """Makes the folder of this process's run.

        Raises:
            FileWriteError: the folder is gone or cannot be written.
        """
        _made(self.path / "runs")
        own = self.path / "runs" / f"{attempt}-{socket.gethostname()}-{os.getpid()}"
        # Where each job has process numbers of its own, one that is requeued gets the same again.
        others = (own.with_name(f"{own.name}-{n}") for n in count(2))
        return RunFolder(next(path for path in chain([own], others) if _made(path)))

    def done(self) -> DoneRecord | None:
        """The run that counts; None when the job is not finished."""
        return read_record(self.path / "done.json", DoneRecord)

    def claim_done(self, done: DoneRecord) -> bool:
        """Says which run counts; False when another one does already."""
        return claim_record(self.path / "done.json", done)

    def forget_done(self) -> None:
        """Makes the job unfinished again; what counted stays where it is.

        Raises:
            FileWriteError: the folder cannot be written.
        """
        path = self.path / "done.json"
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            message = f"record {str(path)!r} cannot be removed: {error.strerror}"
            raise FileWriteError(message) from error

    def _names(self, folder: str) -> list[str]:
        try:
            return [entry.name for entry in (self.path / folder).iterdir()]
        except FileNotFoundError:
            return []
        except OSError as error:
            message = f"folder {str(self.path / folder)!r} cannot be read: {error.strerror}"
            raise FileReadError(message) from None


def _made(path: Path) -> bool:
    """Makes a folder; False when it is there already."""
    try:
        path.mkdir()
    except FileExistsError:
        return False
    except OSError as error:
        message = f"folder {str(path)!r} cannot be written: {error.strerror}"
        raise FileWriteError(message) from error
    return True
