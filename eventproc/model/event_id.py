"""EventID: the run, luminosity block and event number that name an event."""

from __future__ import annotations

from typing import NamedTuple


class EventID(NamedTuple):
    """The name of an event; orders by run, then luminosity block, then event."""

    run: int
    luminosityBlock: int
    event: int

    def __str__(self) -> str:
        return f"run: {self.run} lumi: {self.luminosityBlock} event: {self.event}"
