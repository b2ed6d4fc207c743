from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from eventproc.errors import ConfigurationError
from eventproc.model.event import EventView
from eventproc.model.event_id import EventID
from eventproc.modules.parameters import convert_parameters
from eventproc.services.message_logger import MessageLogger, begin_line

MakeEvent = Callable[..., EventView]


@asynccontextmanager
async def running(**values: Any) -> AsyncIterator[MessageLogger]:
    service = MessageLogger(convert_parameters(MessageLogger.Params, values, "MessageLogger"))
    await service.start()
    try:
        yield service
    finally:
        await service.stop()


def test_an_event_is_announced_in_cmsruns_words() -> None:
    when = datetime(2026, 11, 23, 5, 24, 49, 123456, UTC)
    assert begin_line(0, EventID(1, 1, 1), 0, when) == (
        "Begin processing the 1st record. Run 1, Event 1, LumiSection 1 on stream 0 "
        "at 23-Nov-2026 05:24:49.123 UTC"
    )


@pytest.mark.parametrize(
    ("index", "words"),
    [
        (1, "2nd"),
        (2, "3rd"),
        (3, "4th"),
        (10, "11th"),
        (11, "12th"),
        (12, "13th"),
        (20, "21st"),
        (110, "111th"),
    ],
)
def test_records_are_counted_in_english(index: int, words: str) -> None:
    assert f"the {words} record" in begin_line(index, EventID(1, 1, 1), 0, datetime.now(UTC))


async def test_every_so_many_events_are_announced_beginning_with_the_first(
    event: MakeEvent, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running(reportEvery=3) as service:
        for index in range(7):
            service.pre_event(event(index, stream=1))
    lines = capsys.readouterr().err.splitlines()
    assert [line.split()[3] for line in lines] == ["1st", "4th", "7th"]
    assert lines[1].startswith(
        "Begin processing the 4th record. Run 1, Event 4, LumiSection 2 on stream 1 at "
    )


async def test_announcing_no_event_is_possible(event: MakeEvent, capsys: pytest.CaptureFixture[str]) -> None:
    async with running(reportEvery=0) as service:
        service.pre_event(event(0))
    assert capsys.readouterr().err == ""


async def test_messages_carry_time_severity_and_category(capsys: pytest.CaptureFixture[str]) -> None:
    async with running():
        logging.getLogger("eventproc.PoolSource").info("opened %s", "a.root")
    line = capsys.readouterr().err
    assert line.endswith(" UTC info PoolSource: opened a.root\n")


async def test_the_threshold_holds_for_the_framework_and_others_may_warn(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with running(threshold="ERROR"):
        logging.getLogger("eventproc.PoolSource").warning("not shown")
        logging.getLogger("eventproc.PoolSource").error("shown")
        logging.getLogger("other.library").warning("shown too")
    shown = [line.split(": ", 1)[1] for line in capsys.readouterr().err.splitlines()]
    assert shown == ["shown", "shown too"]


async def test_messages_over_the_limit_are_counted_and_not_printed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with running(limits={"noisy": 2}) as service:
        for number in range(5):
            logging.getLogger("eventproc.noisy").warning("message %d", number)
        logging.getLogger("eventproc.quiet").error("one")
    printed = [line.rsplit(" ", 1)[1] for line in capsys.readouterr().err.splitlines()]
    assert printed == ["0", "1", "one"]
    assert service.report() == {
        "severities": {"WARNING": 5, "ERROR": 1},
        "categories": {"noisy": 5, "quiet": 1},
    }
    assert service.summary() == {"messages": "5 warnings, 1 errors"}


async def test_an_error_with_a_traceback_is_printed_whole(capsys: pytest.CaptureFixture[str]) -> None:
    async with running():
        try:
            raise ZeroDivisionError
        except ZeroDivisionError:
            logging.getLogger("eventproc.x").exception("failed")
    printed = capsys.readouterr().err
    assert "error x: failed" in printed
    assert printed.rstrip().endswith("ZeroDivisionError")


async def test_after_the_job_logging_is_as_before(capsys: pytest.CaptureFixture[str]) -> None:
    handlers, level = list(logging.getLogger().handlers), logging.getLogger("eventproc").level
    async with running(threshold="DEBUG"):
        pass
    assert logging.getLogger().handlers == handlers
    assert logging.getLogger("eventproc").level == level


async def test_a_quiet_job_has_no_line_in_the_summary(capsys: pytest.CaptureFixture[str]) -> None:
    async with running() as service:
        logging.getLogger("eventproc").info("nothing wrong")
    assert service.summary() == {}


def test_an_unknown_threshold_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="threshold = 'LOUD'"):
        convert_parameters(MessageLogger.Params, {"threshold": "LOUD"}, "MessageLogger")
