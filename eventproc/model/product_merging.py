"""Merging: how products of one run or luminosity block that were made in several places become one."""

from __future__ import annotations

import dataclasses
from typing import TypeVar

import numpy as np

from eventproc.errors import MismatchedInputFiles
from eventproc.model.product import EQUAL, SUM, Product

P = TypeVar("P", bound=Product)


def merged(first: P, second: P, rule: str, what: str) -> P:
    """Two products of one branch and one run or luminosity block, as one.

    Args:
        first: from the earlier place.
        second: from the later one, of the same columns.
        rule: ``equal``, ``sum`` or ``concatenate``; see `Product.merging`.
        what: the product and what it belongs to, for messages.

    Raises:
        MismatchedInputFiles: they must be equal and are not, or cannot be added.
    """
    if rule == EQUAL:
        if not same(first, second):
            message = f"{what} was made in several places and differs; its rule of merging is 'equal'"
            raise MismatchedInputFiles(message)
        return first
    values = {
        c.name: _joined(getattr(first, c.name), getattr(second, c.name), rule, f"{what}, column {c.name!r}")
        for c in first.schema()
    }
    return dataclasses.replace(first, **values)


def same(first: Product, second: Product) -> bool:
    """Whether all columns hold the same values; NaN is NaN."""
    return all(_equal(getattr(first, c.name), getattr(second, c.name)) for c in first.schema())


def _joined(first: object, second: object, rule: str, what: str) -> object:
    if isinstance(first, tuple) and isinstance(second, tuple):
        if rule == SUM and first != second:
            message = f"{what} cannot be added: strings differ"
            raise MismatchedInputFiles(message)
        return first if rule == SUM else first + second
    one, other = np.asarray(first), np.asarray(second)
    if rule != SUM:
        return np.concatenate([one, other])
    if len(one) != len(other):
        message = f"{what} cannot be added: {len(one)} rows and {len(other)} rows"
        raise MismatchedInputFiles(message)
    return (one + other).astype(one.dtype, copy=False)


def _equal(first: object, second: object) -> bool:
    if isinstance(first, tuple):
        return first == second
    one, other = np.asarray(first), np.asarray(second)
    return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
