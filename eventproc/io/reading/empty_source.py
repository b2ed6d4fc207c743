"""EmptySource: numbered events without products."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Annotated

from eventproc.model.branch import BranchDescription
from eventproc.model.event_id import EventID
from eventproc.model.product import Product
from eventproc.modules.parameters import ParameterDescription, doc
from eventproc.modules.source import Source, SourceBinding, SourceEvent

_MAX = 2**32 - 1
"""Runs and luminosity blocks are stored in 32 bits, as in CMSSW."""


def nth_event_id(n: int, first: EventID, events_in_run: int, events_in_lumi: int) -> EventID:
    """The id of the n-th event, as CMSSW's EmptySource counts (ProducerSourceBase.cc).

    Event numbers go on over luminosity blocks and begin again in each run, and so do luminosity blocks.

    Args:
        n: from 0.
        first: the id of event 0.
        events_in_run: 0 for one endless run.
        events_in_lumi: 0 for one endless luminosity block in each run.
    """
    runs, in_run = divmod(n, events_in_run) if events_in_run else (0, n)
    lumis = in_run // events_in_lumi if events_in_lumi else 0
    return EventID(first.run + runs, first.luminosityBlock + lumis, first.event + in_run)


class EmptySource(Source):
    """Makes events that hold nothing, without end; ``process.maxEvents`` ends them."""

    class Params(ParameterDescription):
        """How events are numbered; CMSSW's names and defaults, untracked as there: parts can merge."""

        firstRun: Annotated[int, doc("run of the first event", untracked=True, ge=1, le=_MAX)] = 1
        firstLuminosityBlock: Annotated[
            int, doc("luminosity block of each run's first event", untracked=True, ge=1, le=_MAX)
        ] = 1
        firstEvent: Annotated[int, doc("number of each run's first event", untracked=True, ge=1)] = 1
        numberEventsInRun: Annotated[int, doc("events in a run; 0: no limit", untracked=True, ge=0)] = 0
        numberEventsInLuminosityBlock: Annotated[
            int, doc("events in a luminosity block; 0: no limit", untracked=True, ge=0)
        ] = 0
        skipEvents: Annotated[int, doc("events to leave out at the beginning", untracked=True, ge=0)] = 0

    skips_with = "skipEvents"
    is_endless = True

    def __init__(self, params: Params, process: str) -> None:  # noqa: ARG002 - every source gets it
        """Takes the numbering."""
        self._params = params
        self._first = EventID(params.firstRun, params.firstLuminosityBlock, params.firstEvent)
        self._numbers = itertools.count(params.skipEvents)

    def branches(self) -> Sequence[BranchDescription]:
        """Nothing."""
        return ()

    def bind(self, bindings: Sequence[SourceBinding]) -> None:
        """There is nothing to bind."""

    async def next_event(self) -> SourceEvent:
        """The next number."""
        in_run, in_lumi = self._params.numberEventsInRun, self._params.numberEventsInLuminosityBlock
        return SourceEvent(nth_event_id(next(self._numbers), self._first, in_run, in_lumi), _holds_nothing)


def _holds_nothing(_slot: int) -> Product | None:
    return None
