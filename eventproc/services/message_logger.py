"""MessageLogger: the job's messages on standard error, and cmsRun's line for every so many events."""

from __future__ import annotations

import logging
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TextIO

from eventproc.model.event import EventView
from eventproc.model.event_id import EventID
from eventproc.modules.parameters import ParameterDescription, doc
from eventproc.modules.service import Service

_framework = logging.getLogger("eventproc")
_log = logging.getLogger("eventproc.FwkReport")

_VERBATIM = (_log.name, "eventproc.FwkSummary")
"""Loggers whose messages stand alone, as in cmsRun."""


class MessageLogger(Service):
    """Prints what `logging` is told: the framework's messages from `threshold` up, others' warnings.

    A message's category is the name of its logger. Messages over a category's limit are counted, not
    printed; the counts are in the job report.
    """

    class Params(ParameterDescription):
        """What to print."""

        reportEvery: Annotated[
            int, doc("announce every so many events, beginning with the first; 0 none", untracked=True, ge=0)
        ] = 1000
        threshold: Annotated[
            Literal["DEBUG", "INFO", "WARNING", "ERROR"],
            doc("the least severe of the framework's messages to print", untracked=True),
        ] = "INFO"
        limits: Annotated[dict[str, int], doc("messages to print at most, by category", untracked=True)] = {}

    def __init__(self, params: Params) -> None:
        self._report_every = params.reportEvery
        self._level = logging.getLevelName(params.threshold)
        self._level_before = _framework.level
        self._handler = MessageHandler(params.limits)

    async def start(self) -> None:
        """Begins to print."""
        self._level_before = _framework.level
        _framework.setLevel(self._level)
        logging.getLogger().addHandler(self._handler)

    async def stop(self) -> None:
        """Prints no more."""
        logging.getLogger().removeHandler(self._handler)
        _framework.setLevel(self._level_before)

    def pre_event(self, event: EventView) -> None:
        """Announces an event when it is its turn."""
        if self._report_every and event.index % self._report_every == 0:
            _log.info(begin_line(event.index, event.id, event.stream, datetime.now(UTC)))

    def absorb(self, states: Sequence[Mapping[str, Any]]) -> None:
        """Adds the counts of other processes; limits hold in each of them."""
        for state in states:
            self._handler.severities.update(state["severities"])
            self._handler.categories.update(state["categories"])

    def report(self) -> Mapping[str, Any]:
        """How many messages there were, by severity and by category."""
        return {
            "severities": dict(self._handler.severities),
            "categories": dict(self._handler.categories),
        }

    def summary(self) -> Mapping[str, str]:
        """How many warnings and errors there were, if any."""
        counts = {
            name.lower() + "s": n
            for name, n in self._handler.severities.items()
            if name in ("WARNING", "ERROR", "CRITICAL")
        }
        return {"messages": ", ".join(f"{n} {name}" for name, n in counts.items())} if counts else {}


class MessageHandler(logging.StreamHandler[TextIO]):
    """Counts messages and prints those within their category's limit.

    Attributes:
        severities: messages by name of their level, printed or not.
        categories: messages by name of their logger, printed or not.
    """

    def __init__(self, limits: Mapping[str, int]) -> None:
        super().__init__(sys.stderr)
        self.severities: Counter[str] = Counter()
        self.categories: Counter[str] = Counter()
        self._limits = limits
        self.setFormatter(MessageFormatter())

    def emit(self, record: logging.LogRecord) -> None:
        """Prints a record, unless its category has used up its limit."""
        category = category_of(record.name)
        self.severities[record.levelname] += 1
        self.categories[category] += 1
        limit = self._limits.get(category)
        if limit is not None and self.categories[category] > limit:
            return
        # A progress bar replaces sys.stderr while it is drawn; through it, lines go above the bar.
        self.stream = sys.stderr
        super().emit(record)


class MessageFormatter(logging.Formatter):
    """One line: time, severity, category, message; announcements and summaries stand alone, as in cmsRun."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """The line of a record."""
        if record.name in _VERBATIM:
            return record.message
        when = datetime.fromtimestamp(record.created, UTC)
        severity = record.levelname.lower()
        return f"{_cms_time(when)} {severity} {category_of(record.name)}: {record.message}"


def category_of(logger_name: str) -> str:
    """The category of a logger's messages: its name, without the framework's own prefix."""
    return logger_name.removeprefix("eventproc.")


def begin_line(index: int, event_id: EventID, stream: int, when: datetime) -> str:
    """Announces an event in the words of cmsRun (FWCore/Framework, InputSource.cc).

    Args:
        index: position of the event in the job, from 0.
        event_id: the event.
        stream: who takes it up.
        when: in UTC.
    """
    return (
        f"Begin processing the {_ordinal(index + 1)} record. Run {event_id.run}, Event {event_id.event}, "
        f"LumiSection {event_id.luminosityBlock} on stream {stream} at {_cms_time(when)}"
    )


def _ordinal(number: int) -> str:
    if number % 100 in (11, 12, 13):
        return f"{number}th"
    return f"{number}" + {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")


def _cms_time(when: datetime) -> str:
    return f"{when:%d-%b-%Y %H:%M:%S}.{when.microsecond // 1000:03d} UTC"
