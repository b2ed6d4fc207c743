"""HTCondorEngine: clusters by condor_submit, states by condor_q, ends by condor_rm."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from eventproc.batch.engines.base import Engine, EngineState, Errand
from eventproc.batch.engines.command_line import call
from eventproc.batch.engines.htcondor_log import parse_event_log, parse_history
from eventproc.batch.errors import EngineFailure
from eventproc.batch.records import Limits
from eventproc.errors import ConfigurationError

_TIME_MARGIN_S = 120
"""The worker ends the job at its limit and says so; HTCondor only ends a worker that cannot."""

# JobStatus in the job's ClassAd; removed (3) and completed (4) are over.
_STATES = {
    1: EngineState.IDLE,
    2: EngineState.RUNNING,
    5: EngineState.HELD,
    6: EngineState.RUNNING,
    7: EngineState.RUNNING,
}


class HTCondorEngine(Engine):
    """Runs attempts as jobs of HTCondor clusters; workers see the task's folder under the same path."""

    name = "htcondor"
    options = {"lines": "more lines for the submit description, separated by ';'"}

    def check_folder(self) -> None:
        """Submit descriptions separate words by blanks and commas."""
        _checked(self._folder)

    def submit(self, errands: Sequence[Errand]) -> Iterator[tuple[Errand, str]]:
        """Submits a cluster for all errands of the same limits."""
        by_limits = sorted(errands, key=lambda errand: _order(errand.limits))
        for limits, group in groupby(by_limits, key=lambda errand: errand.limits):
            cluster = list(group)
            path = self._folder / f"cluster-{secrets.token_hex(4)}.sub"
            path.write_text(self._description(cluster, limits, str(path.with_suffix(".log"))))
            first, last = parse_terse(call(["condor_submit", "-terse", str(path)]))
            cluster_id, begin = (int(part) for part in first.split("."))
            if int(last.split(".")[1]) - begin + 1 != len(cluster):
                message = f"condor_submit took {first} to {last} of {len(cluster)} jobs"
                raise EngineFailure(message)
            for number, errand in enumerate(cluster, begin):
                yield errand, f"{cluster_id}.{number}"

    def poll(self, engine_ids: Sequence[str]) -> Mapping[str, EngineState]:
        """Asks condor_q for the clusters."""
        clusters = sorted({engine_id.split(".")[0] for engine_id in engine_ids}, key=int)
        if not clusters:
            return {}
        attributes = "ClusterId,ProcId,JobStatus"
        states = parse_queue(call(["condor_q", *clusters, "-json", "-attributes", attributes]))
        return {engine_id: states[engine_id] for engine_id in engine_ids if engine_id in states}

    def explain(self, engine_ids: Sequence[str]) -> Mapping[str, str]:
        """Reads the event logs, and asks the history for what they lack."""
        known: dict[str, str] = {}
        for log in self._folder.glob("cluster-*.log"):
            known |= parse_event_log(log.read_text(errors="replace"))
        clusters = sorted({each.split(".")[0] for each in engine_ids if each not in known}, key=int)
        if clusters:
            attributes = "ClusterId,ProcId,ExitCode,ExitBySignal,ExitSignal,RemoveReason"
            known = (
                parse_history(call(["condor_history", *clusters, "-json", "-attributes", attributes])) | known
            )
        return {engine_id: known[engine_id] for engine_id in engine_ids if engine_id in known}

    def kill(self, engine_ids: Sequence[str]) -> None:
        """Removes jobs."""
        waiting = list(self.poll(engine_ids))
        if waiting:
            call(["condor_rm", *waiting])

    def _description(self, errands: Sequence[Errand], limits: Limits, log: str) -> str:
        items = "\n".join(_item(errand) for errand in errands)
        more = "\n".join(line.strip() for line in self._given.get("lines", "").split(";") if line.strip())
        return f"""\
universe = vanilla
executable = /bin/sh
transfer_executable = False
should_transfer_files = NO
arguments = "$(Script) $(Attempt)"
output = $(JobLog)
error = $(JobLog)
log = {log}
JobBatchName = "eventproc-{self._task}"
request_memory = {limits.memory_mb}MB
request_cpus = {limits.cores}
periodic_remove = (JobStatus == 2) && (time() - EnteredCurrentStatus > {limits.wall_time_s + _TIME_MARGIN_S})
{more}
queue Script,Attempt,JobLog from (
{items}
)
"""


def parse_terse(output: str) -> tuple[str, str]:
    """First and last job of what ``condor_submit -terse`` printed, such as ``12.0 - 12.39``.

    Raises:
        EngineFailure: it printed something else.
    """
    found = re.search(r"^(\d+\.\d+) - (\d+\.\d+)\s*$", output, re.MULTILINE)
    if not found:
        message = f"condor_submit printed {output.strip()!r} instead of the numbers of jobs"
        raise EngineFailure(message)
    return found[1], found[2]


def parse_queue(output: str) -> dict[str, EngineState]:
    """States by job, out of what ``condor_q -json`` printed; an empty queue prints nothing at all.

    Raises:
        EngineFailure: it printed something else.
    """
    try:
        jobs = json.loads(output) if output.strip() else []
        return {
            f"{job['ClusterId']}.{job['ProcId']}": _STATES[job["JobStatus"]]
            for job in jobs
            if job["JobStatus"] in _STATES
        }
    except (ValueError, KeyError, TypeError) as error:
        message = f"condor_q printed something else than jobs: {type(error).__name__}: {error}"
        raise EngineFailure(message) from None


def _item(errand: Errand) -> str:
    return f"{_checked(errand.script)}, {errand.attempt}, {_checked(errand.log)}"


def _checked(path: Path) -> Path:
    if re.search(r"[\s,'\"]", str(path)):
        message = (
            f"HTCondor cannot take the path {str(path)!r}: choose a --task without spaces, commas and quotes"
        )
        raise ConfigurationError(message)
    return path


def _order(limits: Limits) -> tuple[int, int, int]:
    return limits.memory_mb, limits.wall_time_s, limits.cores
