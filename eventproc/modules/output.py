"""OutputModule: writes the events of a job, in input order."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from eventproc.errors import ConfigurationError
from eventproc.model.branch import BranchDescription
from eventproc.model.descriptions import ProcessDescription
from eventproc.model.event import EventView
from eventproc.model.file_records import OutputFileRecord
from eventproc.model.history import InputHistory
from eventproc.model.principal import LuminosityBlock, Run
from eventproc.model.product import Product
from eventproc.model.token import Token
from eventproc.modules.module import Module


class OutputParts(ABC):
    """An output that is made of parts: opened by `OutputModule.open_parts`, then closed or abandoned.

    Attributes:
        parameters: for each part, what its output module gets instead of the job's parameters.
    """

    parameters: Sequence[Mapping[str, Any]]

    @abstractmethod
    def close(self, parts: Sequence[OutputFileRecord]) -> OutputFileRecord:
        """Puts the parts together, in order: only now does the output appear under its final name.

        Raises:
            FileWriteError: it cannot be written or does not read back.
            EventProcError: a part is damaged, or does not fit the others.
        """

    @abstractmethod
    def abandon(self, parts: Sequence[OutputFileRecord]) -> OutputFileRecord:
        """Ends without completing: of the parts given a partial file is made; without any, nothing stays.

        Never raises for what parts hold: what cannot be put together is not worth keeping.
        """


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

    def open_parts(self, process: ProcessDescription, n_parts: int) -> OutputParts:
        """Prepares an output whose parts other processes of the job write; called instead of `open`.

        Args:
            process: the frozen job, parameters completed with defaults, stored as provenance.
            n_parts: how many there will be.

        Raises:
            ConfigurationError: it cannot be made of parts, or exists, or another job writes it.
            FileWriteError: its folder cannot be written.
        """
        message = (
            f"{type(self).__name__} of process {process.name!r} cannot put together what {n_parts} processes "
            "write: set process.options.numberOfProcesses = 1"
        )
        raise ConfigurationError(message)

    def keep_levels(self, branches: Sequence[tuple[BranchDescription, Token[Product]]]) -> None:
        """Told before `open` which products of runs and luminosity blocks are kept, if there are any."""

    def keep_histories(self, histories: Sequence[InputHistory]) -> None:
        """Told before `open` which processes made which files of the input."""

    def write_luminosity_block(self, lumi: LuminosityBlock) -> None:
        """Writes the products of a luminosity block that has ended; one that comes up again ends again."""

    def write_run(self, run: Run) -> None:
        """Writes the products of a run that has ended."""

    @abstractmethod
    def write(self, event: EventView) -> None:
        """Writes one event; called in input order. What is missing from the event stays missing.

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
