"""ProgressBar: how far the job is, on a terminal; nothing anywhere else."""

from __future__ import annotations

import os
import sys
from time import monotonic
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from eventproc.model.event import EventView
from eventproc.modules.parameters import ParameterDescription
from eventproc.modules.service import Service

_REDRAW_S = 0.1


class Bar(Protocol):
    """What the service needs of a progress bar."""

    def advance(self, events: int = 1) -> None:
        """So many more events are done."""

    def stop(self) -> None:
        """Leaves the last state on the screen."""


class NullBar:
    """Shows nothing."""

    def advance(self, events: int = 1) -> None:
        """So many more events are done."""

    def stop(self) -> None:
        """Nothing to leave."""


class TerminalBar:
    """Events done, rate and time to go, on one line of standard error."""

    def __init__(self, expected_events: int | None, console: Console) -> None:
        self._done = 0
        self._began = self._drawn = monotonic()
        self._progress = Progress(
            TextColumn("events"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=console,
            auto_refresh=False,  # the event loop draws: a drawing thread would compete with the modules
        )
        self._task = self._progress.add_task("events", total=expected_events, rate="")
        self._progress.start()

    def advance(self, events: int = 1) -> None:
        """So many more events are done; the line is drawn again ten times a second at most."""
        self._done += events
        now = monotonic()
        if now - self._drawn >= _REDRAW_S:
            self._drawn = now
            self._draw(now)

    def stop(self) -> None:
        """Draws the last state and gives the terminal back."""
        self._draw(monotonic())
        self._progress.stop()

    def _draw(self, now: float) -> None:
        rate = f"{self._done / max(now - self._began, 1e-9):.4g}/s"
        self._progress.update(self._task, completed=self._done, rate=rate, refresh=True)


def _on_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


class ProgressBar(Service):
    """Draws a bar on standard error while events are processed, if that is a terminal."""

    class Params(ParameterDescription):
        """No parameters."""

    def __init__(self, params: Params) -> None:  # noqa: ARG002
        # Only the hooks change it, on the event loop.
        self._bar: Bar = NullBar()

    def begin_job(self, expected_events: int | None) -> None:
        """Starts the bar."""
        if _on_terminal():
            self._bar = TerminalBar(expected_events, Console(stderr=True))

    def post_event(self, event: EventView) -> None:  # noqa: ARG002
        """Moves the bar."""
        self._bar.advance()

    def progress(self, events: int) -> None:
        """Moves the bar for all processes of the job."""
        self._bar.advance(events)

    def end_job(self) -> None:
        """Leaves the bar as it stands."""
        self._bar.stop()
        self._bar = NullBar()

    async def stop(self) -> None:
        """Gives the terminal back also when the loop never began or ended."""
        self.end_job()
