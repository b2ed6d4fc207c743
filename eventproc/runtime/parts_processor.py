"""PartsProcessor: the life of a job whose events are divided among processes."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from eventproc.errors import CaughtSignal
from eventproc.modules.output import OutputParts
from eventproc.modules.service import Service
from eventproc.runtime.attempts import Attempts
from eventproc.runtime.builder import Job
from eventproc.runtime.division import Overrides, Portion, part_description
from eventproc.runtime.part_files import PartFiles, part_files
from eventproc.runtime.part_link import PartLink
from eventproc.runtime.part_messages import PartOrder, PartResult
from eventproc.runtime.parts_report import error_of, fill_report, written_in_order
from eventproc.runtime.schedule_counts import add_counts
from eventproc.runtime.service_reports import absorb_states, service_reports
from eventproc.runtime.stop_signals import StopSignals
from eventproc.services.job_report import JobReport


class PartsProcessor:
    """Runs one job once, in so many processes; this one starts them and puts together what they make.

    Modules run in the other processes only, from begin_job to end_job. Services run here too, but for
    those that write a file of what they see.

    Args:
        job: the built job, its source closed.
        report: filled while the job runs; complete but for its end when `run` returns.
        portions: what each process does.

    Attributes:
        summary: lines that each service has for the screen, name to value.
    """

    def __init__(self, job: Job, report: JobReport, portions: Sequence[Portion]) -> None:
        self.summary: dict[str, Mapping[str, str]] = {}
        self._job = job
        self._report = report
        self._portions = portions
        self._attempts = Attempts(report)
        self._services = [service for service in job.services if not type(service).files]
        self._outputs: dict[str, OutputParts] = {}  # that must be closed or abandoned
        self._files: list[PartFiles] = []
        self._started: list[Service] = []  # services that must be stopped
        self._links: list[PartLink] = []  # processes that must be ended
        self._results: dict[int, PartResult] = {}  # by number of the portion

    async def run(self) -> None:
        """Runs the job to its end; errors go into the report and are not raised."""
        with tempfile.TemporaryDirectory(prefix="eventproc-parts-") as folder, StopSignals() as signals:
            await self._attempts.wait(self._work(signals, Path(folder)))
            signals.disarm()
            await asyncio.gather(*(self._attempts.wait(link.end()) for link in self._links))
            if signals.caught is not None and not self._report.errors:
                self._report.add_error(signals.caught)
            if not self._report.errors:
                for file in self._files:
                    self._attempts.do(file.put_together)
            self._end_outputs(keep_partial=signals.caught is not None)
            self._fill_report()
            for service in reversed(self._started):
                await self._attempts.wait(service.stop())

    async def _work(self, signals: StopSignals, folder: Path) -> None:
        self._files = part_files(self._job, folder, len(self._portions))
        for stage in self._job.outputs:
            self._outputs[stage.label] = stage.module.open_parts(self._job.description, len(self._portions))
        for service in self._services:
            self._started.append(service)
            await service.start()
        for begin in self._job.watch.begin_job:
            begin(sum(portion.events for portion in self._portions))
        signals.on_first = partial(self._stop_parts, signals)
        try:
            await self._start_parts()
            self._stop_parts(signals)  # a signal may have come before all of them were there
            await self._run_parts()
        finally:
            for end in self._job.watch.end_job:
                end()

    def _stop_parts(self, signals: StopSignals) -> None:
        if signals.caught is not None:
            for link in self._links:
                link.stop(signals.caught.signal_number)

    async def _start_parts(self) -> None:
        skips_with = type(self._job.source).skips_with
        for portion in self._portions:
            own = self._own_parameters(portion.number)
            description = part_description(self._job.description, portion, skips_with, own)
            self._links.append(await PartLink.start(PartOrder(description, portion)))

    def _own_parameters(self, number: int) -> Overrides:
        own: dict[str, dict[str, Any]] = {
            label: dict(parts.parameters[number]) for label, parts in self._outputs.items()
        }
        for description, service in zip(self._job.description.services, self._job.services, strict=True):
            own[description.label] = dict(service.part_parameters(number))
        for file in self._files:
            own.setdefault(file.label, {})[file.parameter] = str(file.parts[number])
        return own

    async def _run_parts(self) -> None:
        """Waits for all parts; the first that fails ends the job, and the others are given up."""
        running = {
            asyncio.create_task(link.result(self._on_progress)): portion.number
            for portion, link in zip(self._portions, self._links, strict=True)
        }
        try:
            while running:
                ended, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in sorted(ended, key=running.__getitem__):
                    self._take(running.pop(task), task.result())
                    if self._report.errors:
                        return
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    def _take(self, number: int, result: PartResult) -> None:
        self._results[number] = result
        # The signal that stopped a part stopped the job, which says so itself.
        for record in result.errors:
            if record.exit_code != CaughtSignal.exit_code:
                self._report.add_error(error_of(record, result.shell_code))

    def _on_progress(self, events: int) -> None:
        for service in self._services:
            service.progress(events)

    def _end_outputs(self, *, keep_partial: bool) -> None:
        for label, parts in self._outputs.items():
            written = written_in_order(self._portions, self._results, label)
            record = None if self._report.errors else self._attempts.do(partial(parts.close, written))
            if record is None:
                kept = written if keep_partial else []
                record = self._attempts.do(partial(parts.abandon, kept))
            if record is not None:
                self._report.outputs.append(record)
        for stage in self._job.outputs:
            made = [o for r in self._results.values() for o in r.outputs if o.label == stage.label]
            stage.events_written = sum(output.events for output in made)
            stage.events_not_selected = sum(output.events_not_selected for output in made)
            stage.events_skipped = sum(output.events_skipped for output in made)

    def _fill_report(self) -> None:
        fill_report(self._report, self._portions, self._results)
        self._report.events_written = max(
            (output.events for output in self._report.outputs if output.complete), default=0
        )
        ended = [self._results[number] for number in sorted(self._results)]
        for result in ended:
            if result.counts is not None:
                add_counts(self._job.schedule, result.counts)
        states = [result.states for result in ended if result.states]
        absorb_states(self._job.services, states, self._report)
        self.summary = service_reports(self._job, self._report, self._attempts)
