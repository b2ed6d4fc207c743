"""MemoryCheck: peak memory of the job, and whether it grows from event to event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from eventproc.model.event import EventView
from eventproc.modules.parameters import ParameterDescription, doc
from eventproc.modules.service import Service
from eventproc.services.resource_use import MemoryUse


class MemoryCheck(Service):
    """Reads the memory of this process after a first batch of events and at the end."""

    class Params(ParameterDescription):
        """When to start watching."""

        ignoreTotal: Annotated[
            int, doc("events to let pass before growth is measured", untracked=True, ge=1)
        ] = 100

    def __init__(self, params: Params) -> None:
        # Only the hooks change these, on the event loop.
        self._events = 0
        self._settled: MemoryUse | None = None
        self._end = MemoryUse.now()
        self._ignored = params.ignoreTotal
        self._parts: Sequence[Mapping[str, float]] = ()  # reports of other processes of the job

    def post_event(self, event: EventView) -> None:  # noqa: ARG002
        """Counts, and reads the memory once."""
        self._events += 1
        if self._events == self._ignored:
            self._settled = MemoryUse.now()

    def end_job(self) -> None:
        """Reads the memory at the end of the loop."""
        self._end = MemoryUse.now()

    def absorb(self, states: Sequence[Mapping[str, float]]) -> None:
        """Takes what the other processes report; the memory of all of them together is the job's."""
        self._parts = states

    def report(self) -> Mapping[str, Any]:
        """Megabytes under CMSSW's names; growth only when there were events after the ignored ones.

        Of several processes the sums: at no time can the job have taken more.
        """
        watched = self._events - self._ignored
        report = {"PeakValueRss": self._end.peak_rss_mb, "PeakValueVsize": self._end.peak_vsize_mb}
        for part in self._parts:
            for name, value in part.items():
                report[name] = report.get(name, 0.0) + value
        if self._settled is not None and watched > 0:
            growth_mb = self._end.rss_mb - self._settled.rss_mb
            report |= {"GrowthRss": growth_mb, "AverageGrowthRateRss": growth_mb / watched}
        return report
