"""The tree beside a tree of products that says which entries lack which; a friend of it, as ROOT calls that.

There is none where no entry lacks a product, as in files of before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from eventproc.io.format.column_buffer import ColumnBuffer, crc32
from eventproc.io.format.stored_tree import open_tree, refuse_other_values
from eventproc.io.root.column import Present
from eventproc.io.root.root_file import RootFile

_SUFFIX = "Presence"


def write_presence(root: Any, tree: str, buffers: Iterable[ColumnBuffer]) -> dict[str, str]:
    """Writes the tree, if there is anything to say.

    Args:
        root: a file that uproot has open.
        tree: the tree whose entries they are.
        buffers: its products, all entries taken.

    Returns:
        By name of each product that some entries lack, which is its branch too, the CRC-32 of the values.

    Raises:
        OSError: the file cannot be written.
    """
    found = {b.stored.description().name: b.presence.all_entries() for b in buffers}
    lacking = {name: present for name, present in found.items() if present is not None}
    if lacking:
        root.mktree(f"{tree}{_SUFFIX}", dict.fromkeys(lacking, "bool")).extend(lacking)
    return {name: f"{crc32(present):08x}" for name, present in lacking.items()}


def read_presence(file: RootFile, tree: str, entries: int, stored: Mapping[str, str]) -> dict[str, Present]:
    """All of the tree, compared with its digests.

    Args:
        file: the file.
        tree: the tree whose entries they are.
        entries: how many it has.
        stored: what `write_presence` gave back.

    Returns:
        By name of each product that some entries lack, which have it.

    Raises:
        FileOpenError: the tree is missing or is not what was written.
        ProductNotFound: a branch is missing.
        FileReadError: it cannot be read.
    """
    if not stored:
        return {}
    found = open_tree(file, f"{tree}{_SUFFIX}", entries)
    found.require(*stored, jagged=False)
    presence = {name: np.asarray(found.read(name, 0, entries).content) for name in stored}
    digests = {name: crc32(present) for name, present in presence.items()}
    refuse_other_values(digests, stored, file.pfn, found.name)
    return {name: present.astype(np.bool_, copy=False) for name, present in presence.items()}
