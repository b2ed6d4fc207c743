"""InputFileRecord and OutputFileRecord: what a job report says of the files that were read and written."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class InputFileRecord:
    """What the job report says of an input file.

    Attributes:
        pfn: where it lies.
        events_read: events handed out.
        runs_and_lumis: run and luminosity block of these, in order of appearance.
        source_class: class of the source.
        duplicates: events in it that came before.
        why_skipped: why no event of it was read although the job went on; "" for one that is good.
    """

    pfn: str
    events_read: int
    runs_and_lumis: tuple[tuple[int, int], ...] = ()
    source_class: str = "PoolSource"
    duplicates: int = 0
    why_skipped: str = ""


@dataclass(frozen=True, slots=True)
class OutputFileRecord:
    """What the job report says of an output file.

    Attributes:
        pfn: where it lies; the partial file's name when the job did not finish.
        label: label of the output module.
        module_class: class of the output module.
        events: events written.
        complete: whether it stands under its final name.
        size_bytes: its size.
        checksum: ``adler32:...`` and ``sha256:...`` of the whole file, by algorithm; empty when unknown.
        branches: names of the branches kept.
        runs_and_lumis: (run, luminosity block, events) written.
        events_not_selected: events that SelectEvents kept out of it.
        events_skipped: events kept out of it because an error took one of its products away while the
            job went on (TryToContinue).
    """

    pfn: str
    label: str
    module_class: str
    events: int
    complete: bool
    size_bytes: int = 0
    checksum: dict[str, str] | None = None
    branches: tuple[str, ...] = ()
    runs_and_lumis: tuple[tuple[int, int, int], ...] = ()
    events_not_selected: int = 0
    events_skipped: int = 0

    @property
    def outcome(self) -> str:
        """What became of it, in a word or two for people; a partial file without bytes was not kept."""
        if self.complete:
            return "wrote"
        return "left incomplete" if self.size_bytes else "not written"
