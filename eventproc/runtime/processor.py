"""EventProcessor: the life of a job, from opened outputs to a known ending."""

from __future__ import annotations

import dataclasses
import functools
import logging
from collections.abc import Callable, Mapping

from eventproc.errors import error_categories, near_names
from eventproc.modules.module import EDFilter
from eventproc.modules.service import Service
from eventproc.runtime.attempts import Attempts
from eventproc.runtime.builder import Job
from eventproc.runtime.division import Portion, reads_all
from eventproc.runtime.ordered_output import OrderedOutput, OutputStage
from eventproc.runtime.service_reports import service_reports
from eventproc.runtime.startup_objects import startup_objects_left_out
from eventproc.runtime.stop_signals import Stops, StopSignals
from eventproc.runtime.streams import StreamPool
from eventproc.services.job_report import JobReport

_LOG = logging.getLogger("eventproc.TryToContinue")
_END_PATH_LOG = logging.getLogger("eventproc.EndPath")

_EVENTS_AHEAD_PER_STREAM = 4
"""Finished events a stream may be ahead of the slowest one before it waits."""


class EventProcessor:
    """Runs one job once.

    Args:
        job: the built job.
        report: filled while the job runs; complete but for its end when `run` returns.
        stops: watches, while the job runs, for who wants it to stop.
        portion: what this process does of a job of several.

    Attributes:
        summary: lines that each service has for the screen, name to value.
    """

    def __init__(
        self,
        job: Job,
        report: JobReport,
        stops: Callable[[], Stops] = StopSignals,
        portion: Portion | None = None,
    ) -> None:
        self.summary: dict[str, Mapping[str, str]] = {}
        self._job = job
        self._report = report
        self._attempts = Attempts(report)
        self._stops = stops
        skips_with = type(job.source).skips_with
        self._ends_input = portion.ends_input if portion else reads_all(job.description, skips_with)
        n_streams = job.description.options.numberOfStreams or 1
        first_stream = portion.first_stream if portion else 0
        self._streams = range(first_stream, first_stream + n_streams)
        first_event = portion.first_event if portion else 0
        max_events = job.description.max_events
        if max_events >= 0:
            job.source.limit(max_events)
        self._output = OrderedOutput(job.outputs, n_streams * _EVENTS_AHEAD_PER_STREAM, first_event)
        self._transitions = job.transitions
        self._pool = StreamPool(
            job.source,
            job.schedule,
            self._output,
            job.watch,
            self._transitions,
            n_slots=job.n_slots,
            max_events=max_events,
            first_event=first_event,
        )
        self._opened: list[OutputStage] = []  # outputs that must be closed or abandoned
        self._started: list[Service] = []  # services that must be stopped

    async def run(self) -> None:
        """Runs the job to its end; errors go into the report and are not raised."""
        with self._stops() as signals:
            await self._attempts.wait(self._work(signals))
            signals.disarm()
            if signals.caught is not None and not self._report.errors:
                self._report.add_error(signals.caught)
            if not self._report.errors:
                self._attempts.do(self._transitions.end_job)
            self._end_outputs(keep_partial=signals.caught is not None)
            self._fill_report()
            for service in reversed(self._started):
                await self._attempts.wait(service.stop())
            self._job.source.close()

    async def _work(self, signals: Stops) -> None:
        self._open_outputs()
        for service in self._job.services:
            self._started.append(service)
            await service.start()
        self._begin()
        signals.on_first = self._pool.stop
        try:
            with startup_objects_left_out():
                await self._pool.run(self._streams)
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
        self._tell_of_ignored_filters()
        self._transitions.begin_job()
        for begin in self._job.watch.begin_job:
            begin(self._expected_events())
        for stream in self._streams:
            self._transitions.begin_stream(stream)
            for begin_stream in self._job.watch.begin_stream:
                begin_stream(stream)

    def _tell_of_ignored_filters(self) -> None:
        for path in self._job.description.paths:
            for step in path.steps if path.kind != "Path" else ():
                if not step.ignore and isinstance(self._job.modules.get(step.label), EDFilter):
                    _END_PATH_LOG.warning(
                        "what filter %r on end path %r decides is ignored: write cms.ignore to agree",
                        step.label,
                        path.name,
                    )

    def _end_streams(self) -> None:
        self._transitions.leave()
        if self._ends_input:
            self._transitions.pass_on(self._job.source.held_levels())
        for stream in self._streams:
            self._transitions.end_stream(stream)

    def _expected_events(self) -> int | None:
        expected, limit = self._job.source.expected_events(), self._job.description.max_events
        if expected is None or limit < 0:
            return expected if limit < 0 else limit
        return min(expected, limit)

    def _open_outputs(self) -> None:
        history = self._job.source.history()
        for stage in self._job.outputs:
            stage.module.keep_histories(self._job.source.histories())
            stage.module.open(self._job.description, self._job.kept[stage.label], history)
            self._opened.append(stage)

    def _end_outputs(self, *, keep_partial: bool) -> None:
        for stage in self._opened:
            record = None if self._report.errors else self._attempts.do(stage.module.close)
            if record is None:
                record = self._attempts.do(functools.partial(stage.module.abandon, keep_partial=keep_partial))
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
        # What the source expects counts events that come again, too.
        expected = counts.read if counts.are_all else self._expected_events()
        report.events_unprocessed = (
            None if expected is None else expected - self._output.settled - counts.failed
        )
        report.inputs = list(self._job.source.input_files())
        self.summary = service_reports(self._job, report, self._attempts)
