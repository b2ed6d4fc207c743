"""What a process that runs a part of a job does: ``python -m eventproc.runtime.part_process SOCKET``.

It hears of signals from the job alone, which gets them too: a terminal and a batch system send them to all.
"""

from __future__ import annotations

import asyncio
import functools
import signal
import socket
import sys
from time import monotonic

from eventproc.errors import EventProcError, as_framework_error
from eventproc.model.event import EventView
from eventproc.modules.parameters import ParameterDescription
from eventproc.modules.service import Service
from eventproc.runtime.builder import Job, build
from eventproc.runtime.part_messages import Done, MessageReader, PartOrder, PartResult, encode
from eventproc.runtime.processor import EventProcessor
from eventproc.runtime.schedule_counts import counts_of
from eventproc.runtime.stop_signals import WATCHED
from eventproc.runtime.stop_words import StopWords
from eventproc.services.job_report import JobReport
from eventproc.services.resource_use import MemoryUse, ResourceUse

_TELL_S = 0.1
"""How often the job hears how far a part is, at most."""

_READ_BYTES = 1 << 16


class ProgressTeller(Service):
    """Tells the job how many events are done."""

    def __init__(self, params: ParameterDescription, link: socket.socket) -> None:  # noqa: ARG002
        self._link = link
        # Only the hooks change these, on the event loop.
        self._untold = 0
        self._told_s = monotonic()

    def post_event(self, event: EventView) -> None:  # noqa: ARG002 - the base class's signature
        """Counts, and tells now and then."""
        self._untold += 1
        if monotonic() - self._told_s > _TELL_S:
            self._tell()

    def end_job(self) -> None:
        """Tells the rest."""
        self._tell()

    def _tell(self) -> None:
        self._told_s = monotonic()
        self._link.sendall(encode(Done(self._untold)))
        self._untold = 0


def main() -> None:
    """Runs the part that comes through the socket of the number given, and sends back how it ended."""
    for number in WATCHED:
        signal.signal(number, signal.SIG_IGN)
    with socket.socket(fileno=int(sys.argv[1])) as link:
        messages = MessageReader()
        order = _receive(link, messages)
        if order is None:
            return
        try:
            link.sendall(encode(run_part(order, link, messages)))
        except BrokenPipeError:  # the job is gone
            sys.exit(1)


def run_part(order: PartOrder, link: socket.socket, messages: MessageReader) -> PartResult:
    """Runs a part to its end.

    Args:
        order: what to run.
        link: to the job.
        messages: puts together what comes through the link.
    """
    report = JobReport()
    try:
        job = build(order.description, ProgressTeller(ParameterDescription(), link))
    except EventProcError as error:
        report.add_error(error)
        return _result(report, None)
    stops = functools.partial(StopWords, link, messages)
    processor = EventProcessor(job, report, stops, order.portion)
    asyncio.run(processor.run())
    return _result(report, job)


def _result(report: JobReport, job: Job | None) -> PartResult:
    states = ()
    if job is not None:
        try:
            states = tuple(service.state() for service in job.services)
        except Exception as error:  # noqa: BLE001 - services may raise anything
            report.add_error(as_framework_error(error))
    report.finish()
    memory = MemoryUse.now()
    return PartResult(
        errors=tuple(report.errors),
        shell_code=report.shell_code,
        inputs=tuple(report.inputs),
        outputs=tuple(report.outputs),
        events_read=report.events_read,
        events_failed=report.events_failed,
        events_unprocessed=report.events_unprocessed or 0,
        skipped_events=tuple(report.skipped_events),
        counts=None if job is None else counts_of(job.schedule),
        states=states,
        cpu_s=ResourceUse.now().cpu_s,
        peak_rss_mb=memory.peak_rss_mb,
        peak_vsize_mb=memory.peak_vsize_mb,
    )


def _receive(link: socket.socket, messages: MessageReader) -> PartOrder | None:
    while received := link.recv(_READ_BYTES):
        for message in messages.feed(received):
            if isinstance(message, PartOrder):
                return message
    return None


if __name__ == "__main__":
    main()
