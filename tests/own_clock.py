"""A clock for bounds on durations: it stands while this thread waits for a processor that runs others."""

import time
from pathlib import Path

_SCHEDULE = Path("/proc/thread-self/schedstat")
"""Time on a processor, time waited for one, turns; nanoseconds (docs.kernel.org, scheduler/sched-stats)."""


def own_clock_s() -> float:
    """Monotonic time without what the thread waited for a processor; where that is not told, monotonic time.

    A job that a bound is set on may run among others, at a low priority: what is bounded is what the job
    does with its time, asleep or not, and no more.
    """
    try:
        waited_ns = int(_SCHEDULE.read_text().split()[1])
    except (OSError, IndexError):
        waited_ns = 0
    return time.monotonic() - 1e-9 * waited_ns
