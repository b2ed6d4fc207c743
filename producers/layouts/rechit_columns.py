"""Columns of foreign files turned into those of our products: converted, or filled where a file has none."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from eventproc.errors import FileReadError
from eventproc.io.root.column import Column, Offsets
from eventproc.model.product import ColumnSchema

HITS_LABEL = "ecalRecHits"
"""The label under which every layout offers its rec hits, so that one job file reads them all."""

GOOD = 1
"""EcalRecHit::kGood is bit 0 of the flags; hits without flags count as good."""


def filled(schema: ColumnSchema, offsets: Offsets) -> Column:
    """A column that a file has not: flags say Good, everything else is 0."""
    return Column(offsets, np.full(offsets[-1], GOOD if schema.name == "flags" else 0, schema.dtype))


def convert(column: Column, schema: ColumnSchema, whose: str) -> Column:
    """A column with the dtype of the product's schema.

    Args:
        column: as the file has it.
        schema: what is wanted.
        whose: the branch, for the message.

    Raises:
        FileReadError: integers do not fit, or fractions would become integers.
    """
    content = np.asarray(column.content)
    wanted = np.dtype(schema.dtype)
    if content.dtype == wanted:
        return column
    if wanted.kind == "f" or _fits(content, wanted):
        return Column(column.offsets, content.astype(wanted))
    message = f"{whose} holds {content.dtype} that do not fit into {wanted} of column {schema.name!r}"
    raise FileReadError(message)


def _fits(content: npt.NDArray[Any], wanted: np.dtype[Any]) -> bool:
    if content.dtype.kind not in "iu":
        return False
    limits = np.iinfo(wanted)
    return not len(content) or (int(content.min()) >= limits.min and int(content.max()) <= limits.max)
