"""FileMetadata: what a file of our own says of itself beside its events; one JSON text under one key."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

import msgspec

from eventproc.model.branch import BranchDescription
from eventproc.model.history import InputHistory
from eventproc.model.product import EQUAL, ColumnSchema
from eventproc.model.transition import BranchType

METADATA_KEY = "eventproc"
"""Name of the TObjString that holds the metadata; it is written last."""

TREE_NAME = "Events"
FORMAT = 1
"""Raised when a reader of the former format would misread a file."""

_SEAL = "metadataCrc32"

ID_BRANCHES = {"run": "uint32", "luminosityBlock": "uint32", "event": "uint64"}
"""Branches of the event id and their types, as in NanoAOD."""

CODE_DTYPE = "uint32"
"""What a ``str`` column is stored as: codes into the file's dictionary for its branch."""


class StoredColumn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A column of a product and the branch that stores it; see ColumnSchema."""

    name: str
    dtype: str
    axis: str | None
    unit: str
    doc: str
    branch: str

    @property
    def stored_dtype(self) -> str:
        """The numpy dtype name of its branch."""
        return CODE_DTYPE if self.dtype == "str" else self.dtype


class StoredProduct(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A product and its branches.

    Attributes:
        type: name of the product type.
        label: label of the module that made it.
        instance: instance of the product.
        process: process that made it.
        columns: its columns.
        counters: the branch that holds the number of rows, by axis.
        attributes: what is the same for every event, as JSON text.
        branch_type: what it is a product of.
        merging: see `Product.merging`.
    """

    type: str
    label: str
    instance: str
    process: str
    columns: tuple[StoredColumn, ...]
    counters: dict[str, str]
    attributes: str = "{}"
    branch_type: BranchType = BranchType.InEvent
    merging: str = EQUAL

    def description(self) -> BranchDescription:
        """The product as the registry knows it."""
        schema = tuple(ColumnSchema(c.name, c.dtype, c.axis, c.unit, c.doc) for c in self.columns)
        names = (self.type, self.label, self.instance, self.process)
        return BranchDescription(*names, schema, self.attributes, self.branch_type, self.merging)

    def branch_names(self) -> list[str]:
        """All its branches, counters first."""
        return [*self.counters.values(), *(c.branch for c in self.columns)]

    def axes(self) -> Iterator[tuple[str | None, list[StoredColumn]]]:
        """Its columns by the axis that they share; None for those of one value an event."""
        for axis in dict.fromkeys(c.axis for c in self.columns):
            yield axis, [c for c in self.columns if c.axis == axis]


class StoredLevel(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The tree of runs or of luminosity blocks.

    Attributes:
        products: the products in it.
        entries: runs or luminosity blocks in it.
        dictionaries: by branch of a ``str`` column, the strings its codes stand for.
        crc32: by branch, the CRC-32 of all values, little endian, in hex.
        presence: by name of a product that some of them lack, the CRC-32 of which have it; see
            `presence_tree`.
    """

    products: tuple[StoredProduct, ...]
    entries: int
    dictionaries: dict[str, tuple[str, ...]]
    crc32: dict[str, str]
    presence: dict[str, str] = {}


class Completion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the writing ended; a file without it was not ended at all.

    Attributes:
        complete: whether the job that wrote the file came to its end.
        nEvents: number of events written.
        crc32: by branch, the CRC-32 of the values of all events, little endian, in hex.
        clusterEnds: the entry after the last of each cluster, ascending; none in files of before.
        clusterCrc32: by branch, the CRC-32 of all values up to the end of each cluster, eight digits each.
    """

    complete: bool
    nEvents: int
    crc32: dict[str, str]
    clusterEnds: tuple[int, ...] = ()
    clusterCrc32: dict[str, str] = {}


class FileMetadata(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """All of it.

    Attributes:
        format: the FORMAT of the writer.
        products: the products, the writing process's first.
        processes: provenance, oldest first; see `provenance.process_record`.
        dictionaries: by branch of a ``str`` column, the strings its codes stand for.
        completion: how the writing ended.
        histories: where the input was made in more than one way, each with its files and without the last
            process; `processes` begins with the first.
        levels: the trees of runs and luminosity blocks, where such products were kept.
        presence: by name of a product that some events lack, the CRC-32 of which have it; see
            `presence_tree`. Without any, as in files of before, every event has every product.
    """

    format: int
    products: tuple[StoredProduct, ...]
    processes: tuple[dict[str, Any], ...]
    dictionaries: dict[str, tuple[str, ...]]
    completion: Completion
    levels: dict[BranchType, StoredLevel] = {}
    histories: tuple[InputHistory, ...] = ()
    presence: dict[str, str] = {}


def encode_metadata(metadata: FileMetadata) -> str:
    """The JSON text to be stored under `METADATA_KEY`, its own digest included."""
    return seal(msgspec.json.encode(metadata).decode())


def seal(text: str) -> str:
    """Appends the CRC-32 of a JSON object's text to the object, as its last member."""
    return f'{text[:-1]},"{_SEAL}":"{zlib.crc32(text.encode()):08x}"}}'


def decode_metadata(text: str) -> FileMetadata:
    """The metadata of a file.

    Raises:
        ValueError: the text is not the metadata of a file of this format, or is not what was written.
    """
    body, _, end = text.rpartition(f',"{_SEAL}":"')
    body += "}"
    if end != f'{zlib.crc32(body.encode()):08x}"}}':
        message = "its metadata is damaged: it is not what was written"
        raise ValueError(message)
    try:
        found = msgspec.json.decode(body, type=dict[str, Any]).get("format")
        if found != FORMAT:
            message = f"its format is {found!r}; this version reads format {FORMAT}"
            raise ValueError(message)
        return msgspec.json.decode(body, type=FileMetadata)
    except msgspec.DecodeError as error:
        message = f"its metadata is damaged: {error}"
        raise ValueError(message) from error
