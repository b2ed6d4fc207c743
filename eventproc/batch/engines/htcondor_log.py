"""What HTCondor's event log and history say of jobs that are over, in a sentence for each."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from eventproc.batch.errors import EngineFailure

# Events of the user log (condor_utils/condor_event.h) that tell why a job does not run any more.
_EVICTED, _TERMINATED, _ABORTED, _HELD = "004", "005", "009", "012"

_HEAD = re.compile(r"(\d{3}) \((\d+)\.(\d+)\.\d+\) \S+ \S+ (.*)")
_NORMAL = re.compile(r"\(1\) Normal termination \(return value (\d+)\)")
_ABNORMAL = re.compile(r"\(0\) Abnormal termination \(signal (\d+)\)")


def parse_event_log(text: str) -> dict[str, str]:
    """The last word of an event log on each job that ended, was evicted, or is held, by ``cluster.proc``."""
    return {job: sentence for job, sentence in _sentences(text) if sentence}


def parse_history(output: str) -> dict[str, str]:
    """The same out of what ``condor_history -json`` printed; an empty history prints nothing at all.

    Raises:
        EngineFailure: it printed something else.
    """
    try:
        jobs = json.loads(output) if output.strip() else []
        return {f"{job['ClusterId']}.{job['ProcId']}": _ending(job) for job in jobs}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"condor_history printed something else than jobs: {type(error).__name__}: {error}"
        raise EngineFailure(message) from None


def _sentences(text: str) -> Iterator[tuple[str, str]]:
    for event in text.split("\n...\n"):
        lines = event.strip().splitlines()
        found = _HEAD.fullmatch(lines[0]) if lines else None
        if found:
            code, cluster, process, _ = found.groups()
            yield f"{int(cluster)}.{int(process)}", _sentence(code, lines[1:])


def _sentence(code: str, details: list[str]) -> str:
    first = details[0].strip() if details else ""
    if code == _TERMINATED:
        if normal := _NORMAL.fullmatch(first):
            return f"ended with code {normal[1]}"
        abnormal = _ABNORMAL.fullmatch(first)
        return f"killed by signal {abnormal[1]}" if abnormal else "ended"
    if code == _ABORTED:
        return f"removed: {first}"
    if code == _HELD:
        return f"held: {first}"
    if code == _EVICTED:
        return "evicted from its worker"
    return ""


def _ending(job: Mapping[str, Any]) -> str:
    if job.get("RemoveReason"):
        return f"removed: {job['RemoveReason']}"
    if job.get("ExitBySignal"):
        return f"killed by signal {job['ExitSignal']}"
    return f"ended with code {job['ExitCode']}" if "ExitCode" in job else "ended"
