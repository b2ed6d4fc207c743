"""OutputModule: writes the events of a job, in input order."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from eventproc.model.branch import BranchDescription
from eventproc.model.descriptions import ProcessDescription
from eventproc.model.event import EventView
from eventproc.model.file_records import OutputFileRecord
from eventproc.model.product import Product
from eventproc.model.token import Token
from eventproc.modules.module import Module


class OutputModule(Module):
    """Base of all output modules: select, open, write..., then close or abandon."""

    kind = "OutputModule"

    @abstractmethod
    def select(self, branch: BranchDescription) -> bool:
        """Whether a branch of the job is kept."""

    def select_events(self) -> Sequence[str]:
        """Which events are wanted, as SelectEvents expressions on paths; all of them without any."""
        return ()

    @abstractmethod
    def open(
        self,
        process: ProcessDescription,
        branches: Sequence[tuple[BranchDescription, Token[Product]]],
        history: Sequence[dict[str, Any]],
    ) -> None:
        """Prepares the output; called before the first event is read.

        Args:
            process: the frozen job, parameters completed with defaults, stored as provenance.
            branches: the kept branches and how to get them from an event.
            history: provenance of earlier processes, oldest first, from the source.

        Raises:
            ConfigurationError: the output exists already or another job writes it.
            FileWriteError: its folder cannot be written.
        """

    @abstractmethod
    def write(self, event: EventView) -> None:
        """Writes one event; called in input order. A product missing from the event is written as empty.

        Raises:
            FileWriteError: the disk refused.
        """

    @abstractmethod
    def close(self) -> OutputFileRecord:
        """Completes the output: only now does it appear under its final name.

        Raises:
            FileWriteError: it cannot be completed or does not read back.
        """

    @abstractmethod
    def abandon(self, *, keep_partial: bool) -> OutputFileRecord:
        """Ends without completing: what was written is kept as a partial file, or removed."""
