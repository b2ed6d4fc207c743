"""The retry table: what each exit code of a job means for its next attempt."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import Enum


class Action(Enum):
    """What may follow a failed attempt."""

    RETRY = "retry"
    """The cause may be gone the next time: try again, by itself."""

    NEEDS_MEMORY = "needs memory"
    """Try again only when asked with more memory."""

    NEEDS_TIME = "needs time"
    """Try again only when asked with more wall time."""

    FATAL = "fatal"
    """The next attempt would fail alike."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The meaning of an exit code, and what may follow."""

    meaning: str
    action: Action


# CMS: FWCore/Utilities/interface/EDMException.h, and CRAB's RetryJob.py for what is retried there.
TABLE: dict[int, Verdict] = {
    1: Verdict("the run script failed", Action.RETRY),
    126: Verdict("the interpreter cannot be executed on the worker", Action.RETRY),
    127: Verdict("the interpreter is missing on the worker", Action.RETRY),
    7000: Verdict("command line", Action.FATAL),
    7001: Verdict("configuration file not found", Action.FATAL),
    7002: Verdict("configuration file not readable", Action.FATAL),
    8001: Verdict("framework error", Action.FATAL),
    8002: Verdict("a module raised an exception", Action.FATAL),
    8004: Verdict("memory ran out", Action.NEEDS_MEMORY),
    8006: Verdict("product not found", Action.FATAL),
    8009: Verdict("configuration", Action.FATAL),
    8010: Verdict("logic error", Action.FATAL),
    8015: Verdict("an event took too long", Action.RETRY),
    8016: Verdict("event corruption", Action.FATAL),
    8020: Verdict("input cannot be opened", Action.RETRY),
    8021: Verdict("input cannot be read", Action.RETRY),
    8023: Verdict("input is not what it was", Action.FATAL),
    8033: Verdict("output cannot be written", Action.RETRY),
    8035: Verdict("no accelerator on the worker", Action.RETRY),
    8036: Verdict("inference server or other service lost", Action.RETRY),
    8501: Verdict("no events can be generated", Action.FATAL),
    8901: Verdict("ended without saying why", Action.RETRY),
    9000: Verdict("stopped by a signal", Action.RETRY),
    50115: Verdict("no job report: killed, or its node was lost", Action.RETRY),
    50660: Verdict("took more memory than asked for", Action.NEEDS_MEMORY),
    50664: Verdict("took more time than asked for", Action.NEEDS_TIME),
    60307: Verdict("output not staged out", Action.RETRY),
    60311: Verdict("input not staged in", Action.RETRY),
}

_SIGNALS = range(129, 192)
"""128 + n: how a shell reports death by signal n."""

LONGEST_BACKOFF_S = 600.0


def verdict(exit_code: int) -> Verdict:
    """What an exit code means; an unknown one is fatal, as in CRAB."""
    if exit_code in _SIGNALS:
        return Verdict(f"killed by signal {exit_code - 128}", Action.RETRY)
    return TABLE.get(exit_code, Verdict("unknown", Action.FATAL))


def backoff_s(failed_attempts: int, base_s: float, chance: random.Random) -> float:
    """How long the next attempt waits: doubled each time, and never the same for two jobs.

    Args:
        failed_attempts: one or more.
        base_s: mean wait after the first.
        chance: jobs that failed together must not come back together.
    """
    mean_s = min(LONGEST_BACKOFF_S, base_s * 2.0 ** (failed_attempts - 1))
    return mean_s * chance.uniform(0.5, 1.5)
