"""Source: where events come from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from eventproc.model.branch import BranchDescription
from eventproc.model.event import ReadSlot
from eventproc.model.event_id import EventID
from eventproc.model.file_records import InputFileRecord
from eventproc.model.history import InputHistory
from eventproc.model.product import Product
from eventproc.modules.parameters import ParameterDescription


@dataclass(frozen=True, slots=True)
class SourceBinding:
    """A branch of the source that the job wants: where it goes in the event and as which class."""

    branch: BranchDescription
    product_type: type[Product]
    slot: int


@dataclass(frozen=True, slots=True)
class SourceEvent:
    """One event as the source hands it out: its id, and a way to read the bound products when asked."""

    id: EventID
    read: ReadSlot


class Source(ABC):
    """Base of all sources. They are called so: constructor, branches, bind, limit, next_event..., close."""

    class Params(ParameterDescription):
        """No parameters."""

    kind: ClassVar[str] = "Source"

    skips_with: ClassVar[str] = ""
    """The parameter that leaves out so many events at the beginning, all other selection done; "" without.

    With it several processes can each read a range of the job's events.
    """

    is_endless: ClassVar[bool] = False
    """Whether only ``process.maxEvents`` ends it."""

    @abstractmethod
    def __init__(self, params: Any, process: str) -> None:
        """Takes checked parameters and the name of the process that runs; opens nothing it need not."""

    @abstractmethod
    def branches(self) -> Sequence[BranchDescription]:
        """What the source's events hold; of several processes' products the most recent comes first.

        Raises:
            FileOpenError: the first input cannot be opened.
        """

    def level_branches(self) -> Sequence[BranchDescription]:
        """What the source holds of runs and luminosity blocks, the most recent process first."""
        return ()

    def level_product(
        self,
        branch: BranchDescription,  # noqa: ARG002 - a source without such products looks at nothing
        of: tuple[int, ...],  # noqa: ARG002
    ) -> Product | None:
        """The product of a run, or of a run and luminosity block; None where the input has none.

        Raises:
            MismatchedInputFiles: files of the input disagree about it.
        """
        return None

    def held_levels(self) -> Sequence[tuple[int, ...]]:
        """Runs, and runs with luminosity blocks, that have products in the input, with events or without."""
        return ()

    @abstractmethod
    def bind(self, bindings: Sequence[SourceBinding]) -> None:
        """Told once which branches to read."""

    def limit(self, max_events: int) -> None:
        """Told before the first event that so many at most are asked for: more need not be read ahead."""

    @abstractmethod
    async def next_event(self) -> SourceEvent | None:
        """The next event, or None at the end. Called by one stream at a time.

        Raises:
            FileOpenError: a later file cannot be opened.
            FileReadError: its content cannot be read.
            MismatchedInputFiles: a later file holds other products than the first.
        """

    def expected_events(self) -> int | None:
        """How many events there will be, for progress; None when unknown."""
        return None

    def history(self) -> Sequence[dict[str, Any]]:
        """Provenance of the processes that made the input, oldest first."""
        return ()

    def histories(self) -> Sequence[InputHistory]:
        """The same for each file, where the source has files; files that the same processes made are one."""
        return ()

    def input_files(self) -> Sequence[InputFileRecord]:
        """What has been read so far, for the job report."""
        return ()

    def close(self) -> None:
        """Releases files and threads; called once, also after errors."""
