"""ResourceUse: the time and memory that this process has used so far."""

from __future__ import annotations

import os
import resource
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_STATUS = Path("/proc/self/status")


@dataclass(frozen=True, slots=True)
class ResourceUse:
    """Readings of this process's clocks.

    Attributes:
        wall_s: monotonic clock; only differences mean something.
        cpu_s: user and system time of this process, all threads.
        children_cpu_s: user and system time of the children that have ended.
    """

    wall_s: float
    cpu_s: float
    children_cpu_s: float

    @classmethod
    def now(cls) -> Self:
        """Reads the clocks."""
        times = os.times()
        return cls(time.perf_counter(), time.process_time(), times.children_user + times.children_system)

    def since(self, earlier: ResourceUse) -> ResourceUse:
        """What was used after an earlier reading."""
        return ResourceUse(
            self.wall_s - earlier.wall_s,
            self.cpu_s - earlier.cpu_s,
            self.children_cpu_s - earlier.children_cpu_s,
        )


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """Memory of this process in megabytes (2**20 bytes); 0 where the system does not say."""

    rss_mb: float
    peak_rss_mb: float
    vsize_mb: float
    peak_vsize_mb: float

    @classmethod
    def now(cls) -> Self:
        """Asks the system."""
        try:
            status = _STATUS.read_text()
        except OSError:
            # ru_maxrss is the second choice: across exec it keeps the peak of the parent.
            peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            return cls(0.0, peak_kb / 1024, 0.0, 0.0)
        return cls.parse(status)

    @classmethod
    def parse(cls, status: str) -> Self:
        """Reads the text of ``/proc/<pid>/status`` (proc(5): VmRSS, VmHWM, VmSize, VmPeak, in kB)."""
        fields = dict(line.split(":", 1) for line in status.splitlines() if line.startswith("Vm"))
        values = {name: int(text.split()[0]) / 1024 for name, text in fields.items()}
        names = ("VmRSS", "VmHWM", "VmSize", "VmPeak")
        return cls(*(values.get(name, 0.0) for name in names))
