from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Callable

import pytest

from eventproc.model.event import EventView
from eventproc.services.progress_bar import NullBar, ProgressBar

JOB = """
import logging, sys
from eventproc.model.event import EventView
from eventproc.model.event_id import EventID
from eventproc.services.message_logger import MessageHandler
from eventproc.services.progress_bar import ProgressBar
logging.getLogger().addHandler(MessageHandler({}))
bar = ProgressBar(ProgressBar.Params())
bar.begin_job(40)
for n in range(40):
    bar.post_event(EventView(EventID(1, 1, n), n, 0, 0))
    if n == 20:
        logging.warning("halfway")
bar.end_job()
"""


PARTS = """
from eventproc.services.progress_bar import ProgressBar
bar = ProgressBar(ProgressBar.Params())
bar.begin_job(40)
for events in (15, 20, 5):
    bar.progress(events)
bar.end_job()
"""


def run_on_terminal(term: str, job: str = JOB) -> str:
    """What a terminal gets to see of a job."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": term, "COLUMNS": "100"}
    with subprocess.Popen(
        [sys.executable, "-c", job], stdout=theirs, stderr=theirs, env=environment
    ) as process:
        os.close(theirs)
        seen = b""
        try:
            while chunk := os.read(ours, 65536):
                seen += chunk
        except OSError:
            pass  # how Linux says that the other side closed
        assert process.wait(timeout=60) == 0
    os.close(ours)
    return seen.decode()


def test_a_terminal_shows_how_many_events_are_done() -> None:
    seen = run_on_terminal("xterm")
    assert "40/40" in seen
    assert "/s" in seen
    assert seen.count("\x1b[?25l") == seen.count("\x1b[?25h")  # the cursor comes back


def test_events_of_other_processes_move_the_bar() -> None:
    assert "40/40" in run_on_terminal("xterm", PARTS)


def test_messages_stand_on_lines_of_their_own_above_the_bar() -> None:
    lines = run_on_terminal("xterm").replace("\r", "\n").splitlines()
    assert any(line.endswith("warning root: halfway") for line in lines)


def test_a_terminal_that_cannot_move_the_cursor_shows_no_bar() -> None:
    assert "40/40" not in run_on_terminal("dumb")


def test_without_a_terminal_nothing_is_shown(
    event: Callable[..., EventView], capsys: pytest.CaptureFixture[str]
) -> None:
    service = ProgressBar(ProgressBar.Params())
    service.begin_job(1)
    assert isinstance(service._bar, NullBar)
    service.post_event(event())
    service.end_job()
    assert capsys.readouterr() == ("", "")


async def test_a_bar_whose_loop_never_ended_is_stopped_with_the_service() -> None:
    stopped = []

    class Recorder(NullBar):
        def stop(self) -> None:
            stopped.append(self)

    service = ProgressBar(ProgressBar.Params())
    service._bar = Recorder()
    await service.stop()
    await service.stop()
    assert len(stopped) == 1
