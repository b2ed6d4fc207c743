"""SlurmEngine: job arrays by sbatch, states by squeue, ends by scancel; needs no accounting."""

from __future__ import annotations

import re
import secrets
import shlex
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, islice
from pathlib import Path

from eventproc.batch.engines.base import Engine, EngineState, Errand
from eventproc.batch.engines.command_line import call
from eventproc.batch.errors import EngineFailure
from eventproc.batch.records import Limits
from eventproc.errors import ConfigurationError

ARRAY_SIZE = 1000
"""Slurm's default MaxArraySize allows indices up to 1000."""

_TIME_MARGIN_S = 120
"""The worker ends the job at its limit and says so; Slurm only ends a worker that cannot."""

# Identified by index: one line of the list is script, attempt and log, quoted for sh.
_SCRIPT = """\
#!/bin/sh
line=$(sed -n "${SLURM_ARRAY_TASK_ID}p" @LIST@)
eval "set -- $line"
exec >>"$3" 2>&1
exec /bin/sh "$1" "$2"
"""

# squeue's long names of states in which Slurm still has plans for a job (squeue(1), JOB STATE CODES).
_STATES = {
    "PENDING": EngineState.IDLE,
    "CONFIGURING": EngineState.IDLE,
    "REQUEUED": EngineState.IDLE,
    "REQUEUE_FED": EngineState.IDLE,
    "RESV_DEL_HOLD": EngineState.HELD,
    "REQUEUE_HOLD": EngineState.HELD,
    "SPECIAL_EXIT": EngineState.HELD,
    "RUNNING": EngineState.RUNNING,
    "COMPLETING": EngineState.RUNNING,
    "RESIZING": EngineState.RUNNING,
    "SIGNALING": EngineState.RUNNING,
    "STAGE_OUT": EngineState.RUNNING,
    "STOPPED": EngineState.RUNNING,
    "SUSPENDED": EngineState.RUNNING,
}
_SEPARATORS = 2
_ARRAYS_AT_ONCE = 5000
"""Linux allows 128 KiB in one word of a command."""
_HELD_REASONS = ("JobHeldUser", "JobHeldAdmin", "job requeued in held state")


class SlurmEngine(Engine):
    """Runs attempts as tasks of Slurm job arrays."""

    name = "slurm"
    options = {
        "partition": "partition to run in",
        "account": "account to charge",
        "qos": "quality of service",
        "words": "more words for sbatch, as a shell would read them",
        "running": "tasks of an array that may run at a time",
    }

    def __init__(self, task: str, folder: Path, options: Mapping[str, str]) -> None:
        """Takes what the user says; see `Engine`.

        Raises:
            ConfigurationError: an option is not known, or ``words`` are none to a shell.
        """
        super().__init__(task, folder, options)
        try:
            self._words = shlex.split(options.get("words", ""))
        except ValueError as error:
            message = f"engine 'slurm': words={options['words']!r} cannot be split as a shell would: {error}"
            raise ConfigurationError(message) from None

    def submit(self, errands: Sequence[Errand]) -> Iterator[tuple[Errand, str]]:
        """Submits an array for each thousand errands of the same limits."""
        by_limits = sorted(errands, key=lambda errand: _order(errand.limits))
        for limits, group in groupby(by_limits, key=lambda errand: errand.limits):
            while array := list(islice(group, ARRAY_SIZE)):
                array_id = self._submit_array(array, limits)
                for index, errand in enumerate(array, 1):
                    yield errand, f"{array_id}_{index}"

    def poll(self, engine_ids: Sequence[str]) -> Mapping[str, EngineState]:
        """Asks squeue for the arrays, whoever submitted them: others of a group ask too."""
        arrays = iter(dict.fromkeys(engine_id.partition("_")[0] for engine_id in engine_ids))
        states: dict[str, EngineState] = {}
        while some := list(islice(arrays, _ARRAYS_AT_ONCE)):
            # Asked for one alone that it forgot, squeue fails; so it is never asked for one alone.
            numbers = ",".join([*some, some[0]])
            states |= parse_squeue(call(["squeue", "-h", "-r", "-j", numbers, "-o", "%i|%T|%r"]))
        return {engine_id: states[engine_id] for engine_id in engine_ids if engine_id in states}

    def explain(self, engine_ids: Sequence[str]) -> Mapping[str, str]:
        """Asks scontrol, which remembers a task for some minutes."""
        known = {}
        for engine_id in engine_ids:
            try:
                output = call(["scontrol", "show", "job", "-o", engine_id])
            except EngineFailure:
                continue  # forgotten
            if found := re.search(r"JobState=(\S+) Reason=(\S+).*?ExitCode=(\S+)", output):
                known[engine_id] = f"Slurm says {found[1]}, reason {found[2]}, exit code {found[3]}"
        return known

    def kill(self, engine_ids: Sequence[str]) -> None:
        """Cancels tasks, a few hundred with one scancel."""
        waiting = iter(self.poll(engine_ids))
        while some := list(islice(waiting, 200)):
            call(["scancel", "--quiet", *some])

    def _submit_array(self, errands: Sequence[Errand], limits: Limits) -> str:
        stem = self._folder / f"array-{secrets.token_hex(4)}"
        listing, script = stem.with_suffix(".list"), stem.with_suffix(".sh")
        lines = [shlex.join([str(e.script), str(e.attempt), str(e.log)]) + "\n" for e in errands]
        listing.write_text("".join(lines))
        script.write_text(_SCRIPT.replace("@LIST@", shlex.quote(str(listing))))
        log = str(stem.with_suffix(".txt")).replace("%", "%%")  # as sbatch writes one that stands for itself
        output = call([*self._sbatch(len(errands), limits, log), str(script)])
        array_id = output.strip().split(";")[0]
        if not array_id.isdigit():
            message = f"sbatch printed {output.strip()!r} instead of the number of a job"
            raise EngineFailure(message)
        return array_id

    def _sbatch(self, tasks: int, limits: Limits, log: str) -> list[str]:
        given = self._given
        minutes = -(-(limits.wall_time_s + _TIME_MARGIN_S) // 60)
        running = f"%{given['running']}" if "running" in given else ""
        named = [f"--{name}={given[name]}" for name in ("partition", "account", "qos") if name in given]
        return [
            "sbatch",
            "--parsable",
            "--requeue",
            f"--job-name=eventproc-{self._task}",
            f"--array=1-{tasks}{running}",
            f"--time={minutes}",
            f"--mem={limits.memory_mb}M",
            f"--cpus-per-task={limits.cores}",
            f"--output={log}",
            "--open-mode=append",
            *named,
            *self._words,
        ]


def parse_squeue(output: str) -> dict[str, EngineState]:
    """States by array task, out of lines ``id|state|reason``; states of jobs that are over are left out."""
    states: dict[str, EngineState] = {}
    for line in output.splitlines():
        if line.count("|") < _SEPARATORS:
            continue
        job, state, reason = line.strip().split("|", _SEPARATORS)
        if state in _STATES:
            held = state == "PENDING" and reason in _HELD_REASONS
            states[job] = EngineState.HELD if held else _STATES[state]
    return states


def _order(limits: Limits) -> tuple[int, int, int]:
    return limits.memory_mb, limits.wall_time_s, limits.cores
