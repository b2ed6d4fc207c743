"""A part of a merged file: what is known of it, and what makes it unfit to be merged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from eventproc.errors import FileOpenError, FileReadError, MismatchedInputFiles
from eventproc.io.format.file_metadata import FileMetadata, StoredProduct
from eventproc.io.format.publication import checksums
from eventproc.io.reading.native_layout import NativeFile, NativeLayout
from eventproc.io.root.root_file import RootFile
from eventproc.model.history import history_key


@dataclass(frozen=True, slots=True)
class Part:
    """A file to be merged, and what is known of it.

    Attributes:
        name: path or URL.
        events: events that it must hold; None when nobody knows.
        sha256: of the whole file; "" when nobody knows. Only that of a local file is compared.
    """

    name: str
    events: int | None = None
    sha256: str = ""


def open_part(file: RootFile, part: Part, *, may_be_partial: bool) -> NativeFile:
    """A part that its job wrote to the end, with the events that are known of it.

    Raises:
        FileOpenError: it is no file of our own, or incomplete.
        FileReadError: it holds another number of events.
    """
    opened = NativeLayout(NativeLayout.Params()).open(file)
    completion = opened.metadata.completion
    if not completion.complete and not may_be_partial:
        message = f"part {file.pfn!r} is incomplete: the job that wrote it did not come to its end"
        raise FileOpenError(message)
    if part.events is not None and part.events != completion.nEvents:
        message = f"part {file.pfn!r} holds {completion.nEvents} events and its job wrote {part.events}"
        raise FileReadError(message)
    return opened


def refuse_other_bytes(part: Part) -> None:
    """Compares a local part with the checksum that is known of it.

    Raises:
        FileOpenError: it cannot be read.
        FileReadError: it is another file.
    """
    path = Path(part.name)
    if not part.sha256 or "://" in part.name:
        return
    try:
        found = checksums(path)["sha256"]
    except OSError as error:
        message = f"part {part.name!r} cannot be read: {error.strerror}"
        raise FileOpenError(message) from None
    if found != part.sha256:
        message = f"part {part.name!r} is not what its job wrote: SHA-256 {found}, not {part.sha256}"
        raise FileReadError(message)


def refuse_other_values(digests: Mapping[str, int], metadata: FileMetadata, pfn: str) -> None:
    """Compares what was read of a part with the digests that its writer stored.

    Raises:
        FileReadError: values of a branch are others.
    """
    stored = metadata.completion.crc32
    wrong = sorted(name for name, value in digests.items() if f"{value:08x}" != stored[name])
    if wrong:
        message = f"part {pfn!r} is damaged: values of {', '.join(wrong)} are not those that were written"
        raise FileReadError(message)


def refuse_other_job(first: FileMetadata, other: FileMetadata, pfn: str) -> None:
    """Compares products and history of a part with those of the first.

    Raises:
        MismatchedInputFiles: they are those of another job.
    """
    if _products(first) != _products(other):
        held = [{product.description().name for product in _products(m)} for m in (first, other)]
        which = ", ".join(sorted(held[0] ^ held[1])) or "the same names with other columns"
        message = f"part {pfn!r} holds other products than the first part: {which}"
        raise MismatchedInputFiles(message)
    made_by = [history_key(m.processes) for m in (first, other)]
    names = [[name for name, _ in key] for key in made_by]
    # Earlier processes may have been configured otherwise, as inputs of one job may be.
    if names[0] != names[1] or made_by[0][-1:] != made_by[1][-1:]:
        message = (
            f"part {pfn!r} was made by another configuration than the first part: "
            f"{made_by[1]} instead of {made_by[0]}"
        )
        raise MismatchedInputFiles(message)


def _products(metadata: FileMetadata) -> list[StoredProduct]:
    """All products, those of runs and luminosity blocks behind those of events."""
    levels = (product for level in metadata.levels.values() for product in level.products)
    return [*metadata.products, *levels]
