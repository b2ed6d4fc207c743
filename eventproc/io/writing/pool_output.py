"""PoolOutputModule: writes the events of a job into a ROOT file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import uproot

from eventproc.errors import EventProcError, FileOpenError, FileWriteError, LogicError, ProductNotFound
from eventproc.io.format.level_tree import FORMS, LevelRows
from eventproc.io.format.provenance import process_record
from eventproc.io.format.publication import Publication, checksums
from eventproc.io.reading.opened_file import open_native
from eventproc.io.root.chunk import Chunk, ChunkEntry
from eventproc.io.root.input_names import local_path
from eventproc.io.writing.keep_drop import KeepDrop
from eventproc.io.writing.pool_output_parts import PoolOutputParts
from eventproc.io.writing.tree_writer import COMPRESSION, TreeWriter
from eventproc.model.branch import BranchDescription
from eventproc.model.descriptions import ProcessDescription
from eventproc.model.event import EventView
from eventproc.model.file_records import OutputFileRecord
from eventproc.model.history import InputHistory
from eventproc.model.principal import LuminosityBlock, Principal, Run
from eventproc.model.product import Product
from eventproc.model.token import Token
from eventproc.model.transition import BranchType
from eventproc.modules.declare import Declare
from eventproc.modules.output import OutputModule
from eventproc.modules.parameters import ParameterDescription, doc

KeptBranch = tuple[BranchDescription, Token[Product]]
"""A branch to keep, and how to get its products."""


class EventSelectionParams(ParameterDescription):
    """The PSet ``SelectEvents``, as in CMSSW."""

    SelectEvents: Annotated[
        list[str], doc("'p', '!p', 'exception@p', 'p:PROCESS', with wildcards; one has to hold")
    ] = []


class PoolOutputModule(OutputModule):
    """Writes a tree ``Events`` that PoolSource, uproot and ROOT read."""

    class Params(ParameterDescription):
        """Where to, what, and how."""

        fileName: Annotated[str, doc("output file: a path", untracked=True, min_length=1)]
        outputCommands: Annotated[
            list[str], doc("keep and drop commands; the last that matches a branch decides", untracked=True)
        ] = msgspec.field(default_factory=lambda: ["keep *"])
        SelectEvents: Annotated[
            EventSelectionParams, doc("which events are written; all unless told", untracked=True)
        ] = msgspec.field(default_factory=EventSelectionParams)
        compressionAlgorithm: Annotated[
            Literal["ZSTD", "LZ4", "ZLIB", "LZMA"], doc("codec of all branches", untracked=True)
        ] = "ZSTD"
        compressionLevel: Annotated[int, doc("from fast to small", untracked=True, ge=0, le=9)] = 1
        overwrite: Annotated[bool, doc("whether an existing output may be replaced", untracked=True)] = False

    def __init__(self, params: Params, declare: Declare) -> None:
        """Reads the commands; nothing is opened."""
        self._params = params
        self._label = declare.label
        self._selection = KeepDrop(params.outputCommands)
        # Set by open; write, close and abandon work on them, one at a time.
        self._publication: Publication | None = None
        self._writer: TreeWriter | None = None
        self._branches: Sequence[BranchDescription] = ()
        self._tokens: Sequence[Token[Product]] = ()
        # The chunk of the latest event, and the tokens of what is not copied from it.
        self._chunk: Chunk | None = None
        self._made: Sequence[Token[Product]] = ()
        self._lumis: Counter[tuple[int, int]] = Counter()
        # By what they belong to: the kept products of runs and luminosity blocks, and how to get them.
        self._levels: dict[BranchType, LevelRows] = {}
        self._level_tokens: dict[BranchType, list[Token[Product]]] = {}
        self._level_branches: list[KeptBranch] = []
        self._histories: Sequence[InputHistory] = ()

    def select(self, branch: BranchDescription) -> bool:
        """Whether the output commands keep a branch."""
        return self._selection.keeps(branch)

    def select_events(self) -> Sequence[str]:
        """The expressions of SelectEvents."""
        return self._params.SelectEvents.SelectEvents

    def open(
        self,
        process: ProcessDescription,
        branches: Sequence[tuple[BranchDescription, Token[Product]]],
        history: Sequence[dict[str, Any]],
    ) -> None:
        """Opens the file under a temporary name and writes the empty tree.

        Raises:
            ConfigurationError: the output exists and may not be overwritten, or another job writes it.
            FileWriteError: it cannot be written.
        """
        for kind in FORMS:
            of_kind = [one for one in self._level_branches if one[0].branch_type is kind]
            if of_kind:
                self._levels[kind] = LevelRows(kind, [branch for branch, _ in of_kind], process.name)
                self._level_tokens[kind] = [token for _, token in of_kind]
        self._branches = [branch for branch, _ in branches]
        self._tokens = self._made = [token for _, token in branches]
        self._publication = self._new_publication()
        try:
            self._writer = TreeWriter(
                self._publication.file, self._branches, [*history, process_record(process)], self._compression
            )
        except OSError as error:
            raise self._failed(error) from error
        except BaseException:
            self._publication.drop()
            self._publication = None
            raise

    def open_parts(self, process: ProcessDescription, n_parts: int) -> PoolOutputParts:
        """Locks the output's name and makes a folder for the parts beside it.

        Raises:
            ConfigurationError: the output exists and may not be overwritten, or another job writes it.
            FileWriteError: it cannot be written.
        """
        publication = self._new_publication()
        nothing = self._record(publication.final, complete=False)
        return PoolOutputParts(publication, n_parts, process_record(process), self._compression, nothing)

    def keep_histories(self, histories: Sequence[InputHistory]) -> None:
        """Takes the histories of the input's files."""
        self._histories = histories

    def keep_levels(self, branches: Sequence[KeptBranch]) -> None:
        """Takes the products of runs and luminosity blocks to keep."""
        self._level_branches = list(branches)

    def write_luminosity_block(self, lumi: LuminosityBlock) -> None:
        """Takes the products of a luminosity block.

        Raises:
            MismatchedInputFiles: it came up before, with products that do not go together with these.
        """
        self._write_level(BranchType.InLumi, (lumi.run, lumi.luminosityBlock), lumi)

    def write_run(self, run: Run) -> None:
        """Takes the products of a run.

        Raises:
            MismatchedInputFiles: it came up before, with products that do not go together with these.
        """
        self._write_level(BranchType.InRun, (run.run,), run)

    def _write_level(self, kind: BranchType, of: tuple[int, ...], level: Principal) -> None:
        if kind in self._levels:
            products = [level.get(t) if level.has(t) else None for t in self._level_tokens[kind]]
            if any(product is not None for product in products):
                self._levels[kind].add(of, products)

    def write(self, event: EventView) -> None:
        """Takes one event; a product that is missing is noted as missing, and its columns hold nothing.

        Raises:
            FileWriteError: the disk refused, now or at an earlier event.
        """
        writer = self._opened()[1]
        origin = event.origin
        entry = origin if isinstance(origin, ChunkEntry) else None
        try:
            if (entry.chunk if entry else None) is not self._chunk:
                self._copy_from(entry.chunk if entry else None, writer)
            writer.add(event.id, tuple([_get(event, token) for token in self._made]), entry)
        except OSError as error:
            raise self._failed(error) from error
        self._lumis[event.id[:2]] += 1

    def close(self) -> OutputFileRecord:
        """Completes the file, reads its metadata back, and publishes it.

        Raises:
            FileWriteError: any of that fails.
        """
        publication, writer = self._opened()
        try:
            writer.finish(complete=True, levels=self._levels, histories=self._histories)
            publication.complete()
            self._verify(publication.temporary, writer.events)
            sums = checksums(publication.temporary)
            publication.publish()
        except FileWriteError:
            self._publication = self._writer = None
            raise
        except (OSError, FileOpenError, ProductNotFound) as error:
            raise self._failed(error) from error
        self._publication = self._writer = None
        return self._record(publication.final, complete=True, checksum=sums)

    def abandon(self, *, keep_partial: bool) -> OutputFileRecord:
        """Ends without completing; never raises for a disk that refuses."""
        publication, writer = self._publication, self._writer
        self._publication = self._writer = None
        if publication is None or writer is None:
            return self._record(Path(self._params.fileName), complete=False)
        if keep_partial:
            try:
                writer.finish(complete=False, levels=self._levels, histories=self._histories)
                publication.complete()
                publication.keep_partial()
                return self._record(
                    publication.partial, complete=False, checksum=checksums(publication.partial)
                )
            except (OSError, EventProcError):
                pass  # then there is nothing worth keeping
        writer.discard()
        publication.drop()
        return self._record(publication.final, complete=False)

    @property
    def _compression(self) -> uproot.compression.Compression:
        return COMPRESSION[self._params.compressionAlgorithm](self._params.compressionLevel)

    def _new_publication(self) -> Publication:
        path = local_path(self._params.fileName)
        if path is None:
            message = f"cannot write output {self._params.fileName!r}: only local files can be written"
            raise FileWriteError(message)
        return Publication(path, overwrite=self._params.overwrite)

    def _opened(self) -> tuple[Publication, TreeWriter]:
        if self._publication is None or self._writer is None:
            message = f"output {self._params.fileName!r} is not open"
            raise LogicError(message)
        return self._publication, self._writer

    def _copy_from(self, chunk: Chunk | None, writer: TreeWriter) -> None:
        """What nobody could change is copied as columns: no event has to read it."""
        slots = chunk.slots if chunk is not None else ()
        writer.copy([token.slot if token.slot in slots else None for token in self._tokens])
        self._made = [token for token in self._tokens if token.slot not in slots]
        self._chunk = chunk

    def _failed(self, error: Exception) -> FileWriteError:
        """Gives the space back at once: the disk may be full, and the job report has to be written."""
        if self._writer is not None:
            self._writer.discard()
        if self._publication is not None:
            self._publication.drop()
        self._publication = self._writer = None
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return FileWriteError(f"cannot write output {self._params.fileName!r}: {reason}")

    def _verify(self, path: Path, events: int) -> None:
        with open_native(str(path)) as found:
            if found.n_entries != events or set(found.branches) != set(self._branches):
                message = f"{found.n_entries} of {events} events read back"
                raise OSError(message)

    def _record(
        self, path: Path, *, complete: bool, checksum: dict[str, str] | None = None
    ) -> OutputFileRecord:
        return OutputFileRecord(
            pfn=str(path),
            label=self._label,
            module_class=type(self).__name__,
            events=self._lumis.total() if checksum else 0,
            complete=complete,
            size_bytes=path.stat().st_size if checksum else 0,
            checksum=checksum,
            branches=tuple(branch.name for branch in self._branches),
            runs_and_lumis=tuple((*lumi, n) for lumi, n in self._lumis.items()) if checksum else (),
        )


def _get(event: EventView, token: Token[Product]) -> Product | None:
    try:
        return event.get(token)
    except ProductNotFound:
        return None
