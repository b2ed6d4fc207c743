"""EventProcessor: the life of a job, from opened outputs to a known ending."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import logging
from collections.abc import Callable, Mapping
from typing import Any

from eventproc.errors import as_framework_error, error_categories, near_names
from eventproc.modules.service import Service
from eventproc.runtime.builder import Job
from eventproc.runtime.ordered_output import OrderedOutput, OutputStage
from eventproc.runtime.stop_signals import StopSignals
from eventproc.runtime.streams import StreamPool
from eventproc.runtime.transitions import Transitions
from eventproc.runtime.trigger_report import render_time_report, render_trigger_report
from eventproc.services.job_report import JobReport

_LOG = logging.getLogger("eventproc.TryToContinue")
_SUMMARY = logging.getLogger("eventproc.FwkSummary")

_EVENTS_AHEAD_PER_STREAM = 4
"""Finished events a stream may be ahead of the slowest one before it waits."""


class EventProcessor:
    """Runs one job once.

    Args:
        job: the built job.
        report: filled while the job runs; complete but for its end when `run` returns.

    Attributes:
        summary: lines that each service has for the screen, name to value.
    """

    def __init__(self, job: Job, report: JobReport) -> None:
        self.summary: dict[str, Mapping[str, str]] = {}
        self._job = job
        self._report = report
        options = job.description.options
        self._n_streams = options.numberOfStreams or max(1, options.numberOfThreads)
        capacity = self._n_streams * _EVENTS_AHEAD_PER_STREAM
        self._output = OrderedOutput(job.outputs, capacity)
        outputs = {stage.label: stage.module for stage in job.outputs}
        self._transitions = Transitions({**job.modules, **outputs})
        self._pool = StreamPool(
            job.source,
            job.schedule,
            self._output,
            job.watch,
            self._transitions,
            n_slots=job.n_slots,
            max_events=job.description.max_events,
        )
        self._opened: list[OutputStage] = []  # outputs that must be closed or abandoned
        self._started: list[Service] = []  # services that must be stopped

    async def run(self) -> None:
        """Runs the job to its end; errors go into the report and are not raised."""
        with StopSignals() as signals:
            await self._note(self._work(signals))
            signals.disarm()
            if signals.caught is not None and not self._report.errors:
                self._report.add_error(signals.caught)
            if not self._report.errors:
                self._attempt(self._transitions.end_job)
            self._end_outputs(keep_partial=signals.caught is not None)
            self._fill_report()
            for service in reversed(self._started):
                await self._note(service.stop())
            self._job.source.close()

    async def _work(self, signals: StopSignals) -> None:
        self._open_outputs()
        for service in self._job.services:
            self._started.append(service)
            await service.start()
        self._begin()
        signals.on_first = self._pool.stop
        try:
            await self._pool.run(self._n_streams)
            if signals.caught is None:
                self._end_streams()
        finally:
            for end in self._job.watch.end_job:
                end()

    def _begin(self) -> None:
        categories = error_categories()
        for name in self._job.description.options.TryToContinue:
            if name not in categories:
                _LOG.warning(
                    "process.options.TryToContinue: no error is of category %r: %s",
                    name,
                    near_names(name, categories),
                )
        self._transitions.begin_job()
        for begin in self._job.watch.begin_job:
            begin(self._expected_events())
        for stream in range(self._n_streams):
            self._transitions.begin_stream(stream)
            for begin_stream in self._job.watch.begin_stream:
                begin_stream(stream)

    def _end_streams(self) -> None:
        self._transitions.leave()
        for stream in range(self._n_streams):
            self._transitions.end_stream(stream)

    def _expected_events(self) -> int | None:
        expected, limit = self._job.source.expected_events(), self._job.description.max_events
        if expected is None or limit < 0:
            return expected if limit < 0 else limit
        return min(expected, limit)

    def _open_outputs(self) -> None:
        history = self._job.source.history()
        for stage in self._job.outputs:
            stage.module.open(self._job.description, self._job.kept[stage.label], history)
            self._opened.append(stage)

    def _end_outputs(self, *, keep_partial: bool) -> None:
        for stage in self._opened:
            record = None if self._report.errors else self._attempt(stage.module.close)
            if record is None:
                record = self._attempt(functools.partial(stage.module.abandon, keep_partial=keep_partial))
            if record is not None:
                self._report.outputs.append(
                    dataclasses.replace(
                        record,
                        events_not_selected=stage.events_not_selected,
                        events_skipped=stage.events_skipped,
                    )
                )

    def _fill_report(self) -> None:
        report, counts = self._report, self._pool.counts
        report.events_read = counts.read
        report.events_written = max(
            (output.events for output in report.outputs if output.complete), default=0
        )
        report.events_failed = counts.failed
        report.skipped_events = counts.skipped
        expected = self._expected_events()
        report.events_unprocessed = (
            None if expected is None else expected - self._output.settled - counts.failed
        )
        report.inputs = list(self._job.source.input_files())
        for service in self._job.services:
            name = type(service).__name__
            if values := self._attempt(service.report):
                report.services[name] = values
            self.summary[name] = self._attempt(service.summary) or {}
        if self._job.description.options.wantSummary:
            _SUMMARY.info("%s\n", render_trigger_report(self._job.schedule))
            _SUMMARY.info("%s\n", render_time_report(self._job.schedule, report.services.get("Timing", {})))

    async def _note(self, step: Any) -> None:
        """Awaits a step of the job and keeps the first error; a cancelled step leaves the signal to tell."""
        try:
            await step
        except asyncio.CancelledError:
            return
        except Exception as error:  # noqa: BLE001 - services may raise anything
            self._report.add_error(as_framework_error(error))

    def _attempt(self, step: Callable[[], Any]) -> Any:
        try:
            return step()
        except Exception as error:  # noqa: BLE001 - the rest of the job must still end
            self._report.add_error(as_framework_error(error))
            return None
