"""PoolOutputParts: an output of PoolOutputModule that several processes write, each a file of its own."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
from collections.abc import Mapping, Sequence
from typing import Any

import uproot

from eventproc.errors import EventProcError, FileWriteError
from eventproc.io.format.publication import Publication
from eventproc.io.merging.merge import MergedFile, merge_into
from eventproc.io.merging.merge_part import Part
from eventproc.model.file_records import OutputFileRecord
from eventproc.modules.output import OutputParts


class PoolOutputParts(OutputParts):
    """Locks the output's name, keeps the parts in a folder beside it, and merges them in the end.

    Args:
        publication: the output.
        n_parts: how many parts there will be.
        made_by: provenance of this process.
        compression: of the output; parts are written fast.
        nothing: the record of an output of which nothing stays.

    Raises:
        FileWriteError: the folder cannot be made.
    """

    def __init__(
        self,
        publication: Publication,
        n_parts: int,
        made_by: Mapping[str, Any],
        compression: uproot.compression.Compression,
        nothing: OutputFileRecord,
    ) -> None:
        self._publication = publication
        self._made_by = made_by
        self._compression = compression
        self._nothing = nothing
        self._folder = publication.temporary.with_name(f"{publication.temporary.name}.parts")
        name = publication.final.name
        self.parameters = [
            {
                "fileName": str(self._folder / f"{i}-{name}"),
                "overwrite": False,
                "compressionAlgorithm": "ZSTD",
                "compressionLevel": 1,
            }
            for i in range(n_parts)
        ]
        try:
            self._folder.mkdir()
        except OSError as error:
            publication.drop()
            message = f"cannot write output {str(publication.final)!r}: {error.strerror}"
            raise FileWriteError(message) from error

    def close(self, parts: Sequence[OutputFileRecord]) -> OutputFileRecord:
        """Merges the parts and publishes the file.

        Raises:
            FileWriteError: any of that fails.
            EventProcError: a part is damaged.
        """
        try:
            return self._record(parts, self._merge(parts, complete=True), complete=True)
        finally:
            self._remove_parts()

    def abandon(self, parts: Sequence[OutputFileRecord]) -> OutputFileRecord:
        """Merges what there is into a partial file, or drops everything."""
        written = [part for part in parts if part.checksum]
        try:
            if written:
                with contextlib.suppress(EventProcError, OSError):
                    return self._record(written, self._merge(written, complete=False), complete=False)
            self._publication.drop()
            return self._nothing
        finally:
            self._remove_parts()

    def _merge(self, parts: Sequence[OutputFileRecord], *, complete: bool) -> MergedFile:
        files = [Part(part.pfn, part.events, (part.checksum or {}).get("sha256", "")) for part in parts]
        return merge_into(self._publication, files, self._made_by, self._compression, complete=complete)

    def _record(
        self, parts: Sequence[OutputFileRecord], merged: MergedFile, *, complete: bool
    ) -> OutputFileRecord:
        lumis: dict[tuple[int, int], int] = {}
        for run, lumi, events in (of_part for part in parts for of_part in part.runs_and_lumis):
            lumis[run, lumi] = lumis.get((run, lumi), 0) + events
        return dataclasses.replace(
            parts[0],
            pfn=str(merged.path),
            events=merged.events,
            complete=complete,
            size_bytes=merged.size_bytes,
            checksum=dict(merged.checksum),
            runs_and_lumis=tuple((*lumi, events) for lumi, events in lumis.items()),
            events_not_selected=sum(part.events_not_selected for part in parts),
            events_skipped=sum(part.events_skipped for part in parts),
        )

    def _remove_parts(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
