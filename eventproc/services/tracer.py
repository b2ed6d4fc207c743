"""Tracer: which stream did what when, as a trace for ui.perfetto.dev or chrome://tracing."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from time import perf_counter_ns
from typing import Annotated, Any, ClassVar

from eventproc.model.event import EventView
from eventproc.modules.file_merge import FileMerge
from eventproc.modules.parameters import ParameterDescription, doc
from eventproc.modules.service import Service
from eventproc.services.trace_file import TraceFile, join_traces

_log = logging.getLogger("eventproc.Tracer")


class Tracer(Service):
    """Draws each stream as a thread with its events and modules, and beside them the work done elsewhere.

    The time between the begin and the end of an ExternalWork module's acquire is an asynchronous slice:
    those of all streams, and of several modules on one event, are seen beside each other. A trace that
    cannot be written while the job runs is given up with a warning.
    """

    files: ClassVar[Mapping[str, FileMerge]] = {"fileName": join_traces}

    class Params(ParameterDescription):
        """Where the trace goes."""

        fileName: Annotated[str, doc("trace, as JSON", untracked=True, min_length=1)] = "trace.json"

    def __init__(self, params: Params) -> None:
        # Only the hooks change these, on the event loop.
        self._path = Path(params.fileName)
        self._file: TraceFile | None = None
        self._pid = os.getpid()
        self._records = 0
        self._works = 0
        self._events: dict[int, tuple[int, EventView]] = {}  # under way: begin in ns and event, by stream
        self._modules: dict[tuple[int, str], int] = {}  # begin in ns, by stream and label
        self._began = perf_counter_ns()

    async def start(self) -> None:
        """Opens the file.

        Raises:
            FileWriteError: its folder is missing or cannot be written.
        """
        self._file = TraceFile(self._path)
        self._began = perf_counter_ns()
        self._add("M", "process_name", 0, 0, args={"name": "eventproc"})

    async def stop(self) -> None:
        """Ends what is under way, and only now lets the file appear."""
        now = perf_counter_ns()
        for stream, (began, event) in self._events.items():
            self._slice("event", "event", began, now, event, stream, unfinished=True)
        with self._giving_up():
            if self._file is not None:
                self._file.publish()
        self._file = None

    def begin_stream(self, stream: int) -> None:
        """Names the stream's thread."""
        self._add("M", "thread_name", 0, stream, args={"name": f"stream {stream}"})

    def pre_event(self, event: EventView) -> None:
        """An event begins."""
        self._events[event.stream] = perf_counter_ns(), event

    def post_event(self, event: EventView) -> None:
        """An event ends."""
        began, _ = self._events.pop(event.stream)
        self._slice("event", "event", began, perf_counter_ns(), event, event.stream)

    def pre_module(self, event: EventView, label: str) -> None:
        """A module begins."""
        self._modules[event.stream, label] = perf_counter_ns()

    def post_acquire(self, event: EventView, label: str) -> None:
        """Work elsewhere ends; what the module does from here on is a slice of its stream."""
        now = perf_counter_ns()
        began = self._modules[event.stream, label]
        self._works += 1
        work = {"cat": "acquire", "id": str(self._works)}
        self._add("b", label, began, event.stream, **work, args=_named(event))
        self._add("e", label, now, event.stream, **work)
        self._modules[event.stream, label] = now

    def post_module(self, event: EventView, label: str) -> None:
        """A module ends."""
        began = self._modules.pop((event.stream, label))
        self._slice(label, "module", began, perf_counter_ns(), event, event.stream)

    def summary(self) -> Mapping[str, str]:
        """Where the trace will be."""
        return {"trace": f"{self._path} ({self._records} records)"} if self._file is not None else {}

    def _slice(
        self,
        name: str,
        category: str,
        began_ns: int,
        ended_ns: int,
        event: EventView,
        stream: int,
        **more: Any,
    ) -> None:
        duration_us = (ended_ns - began_ns) / 1000
        self._add("X", name, began_ns, stream, cat=category, dur=duration_us, args=_named(event) | more)

    def _add(self, phase: str, name: str, at_ns: int, stream: int, **more: Any) -> None:
        if self._file is None:
            return
        time_us = max(0, at_ns - self._began) / 1000
        record = {"ph": phase, "name": name, "pid": self._pid, "tid": stream, "ts": time_us, **more}
        self._records += 1
        with self._giving_up():
            self._file.add(record)

    @contextlib.contextmanager
    def _giving_up(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            _log.warning("trace %s is given up: %s", self._path, error.strerror)
            if self._file is not None:
                self._file.discard()
            self._file = None


def _named(event: EventView) -> dict[str, Any]:
    run, lumi, number = event.id
    return {"run": run, "luminosityBlock": lumi, "event": number, "index": event.index}
