"""EventID and LuminosityBlockID: the numbers that name an event, and a stretch of events of one run."""

from __future__ import annotations

from typing import NamedTuple


class LuminosityBlockID(NamedTuple):
    """The name of a luminosity block; orders by run, then luminosity block."""

    run: int
    luminosityBlock: int

    def __str__(self) -> str:
        return f"run: {self.run} luminosityBlock: {self.luminosityBlock}"


class EventID(NamedTuple):
    """The name of an event; orders by run, then luminosity block, then event."""

    run: int
    luminosityBlock: int
    event: int

    def __str__(self) -> str:
        return f"run: {self.run} lumi: {self.luminosityBlock} event: {self.event}"
