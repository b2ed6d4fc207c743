"""FileSummary: how many events of which runs and luminosity blocks a file holds, as edmFileUtil tells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eventproc.errors import FileOpenError, FileReadError
from eventproc.io.reading.native_layout import NativeFile
from eventproc.io.reading.opened_file import open_any_layout, open_native
from eventproc.io.root.input_names import local_path
from eventproc.model.event_id import EventID
from eventproc.model.ranges import LumiMask, lumi_mask


@dataclass(frozen=True, slots=True)
class FileSummary:
    """What a file holds.

    Attributes:
        file: the file.
        size_bytes: its size; 0 where it is not on this machine.
        ids: the id of every event, in the order of the file.
        complete: False for a file whose job did not come to its end.
    """

    file: str
    size_bytes: int
    ids: Sequence[EventID]
    complete: bool

    def lumis(self) -> LumiMask:
        """The runs and luminosity blocks of its events."""
        return lumi_mask({event_id[:2] for event_id in self.ids})


def read_summary(file_name: str) -> FileSummary:
    """Looks through the event ids of a file, whatever its layout.

    Raises:
        FileOpenError: it is missing or damaged, or no layout recognises it.
        FileReadError: its event ids cannot be read.
    """
    path = local_path(file_name)
    with open_any_layout(file_name) as opened:
        ids = opened.event_ids(0, opened.n_entries)
        complete = opened.metadata.completion.complete if isinstance(opened, NativeFile) else True
    return FileSummary(file_name, path.stat().st_size if path else 0, ids, complete)


def verify(file_name: str) -> int:
    """Reads a whole file of ours and compares its values with the digests that were written with them.

    Returns:
        How many branches were compared.

    Raises:
        FileOpenError: the file is missing or damaged, or another program wrote it, without digests.
        FileReadError: values are not those that were written.
    """
    with open_native(file_name) as file:
        digests = file.metadata.completion.crc32
        if not digests:
            message = f"file {file_name!r} carries no digests: there is nothing to compare its values with"
            raise FileOpenError(message)
        damaged = file.damaged_branches()
    if damaged:
        message = f"file {file_name!r} is damaged: the values of {', '.join(damaged)} are not those written"
        raise FileReadError(message)
    return len(digests)
