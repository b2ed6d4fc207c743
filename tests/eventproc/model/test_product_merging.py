from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from eventproc.errors import MismatchedInputFiles
from eventproc.model.product import Product, column
from eventproc.model.product_merging import merged, same


@dataclass(frozen=True, slots=True)
class Numbers(Product):
    value: Any = column(np.float32)
    n: Any = column(np.int64, axis=None)
    word: Any = column(str, axis=None)


def numbers(*values, n=1, word="a"):
    return Numbers(np.array(values, np.float32), np.array([n]), (word,))


def as_lists(product):
    return product.value.tolist(), product.n.tolist(), product.word


def test_equal_products_are_one_and_nan_is_nan():
    first = numbers(1, np.nan)
    assert merged(first, numbers(1, np.nan), "equal", "x") is first
    assert not same(first, numbers(1, 2))


@pytest.mark.parametrize("other", [numbers(2), numbers(1, 1), numbers(1, n=2), numbers(1, word="b")])
def test_products_that_must_be_equal_and_are_not_are_named(other):
    with pytest.raises(MismatchedInputFiles, match=r"T_m__P of run 3 .* differs"):
        merged(numbers(1), other, "equal", "T_m__P of run 3")


def test_rows_are_added_or_follow_each_other():
    assert as_lists(merged(numbers(1, 2), numbers(3, 4), "sum", "x")) == ([4, 6], [2], ("a",))
    joined = merged(numbers(1), numbers(3, 4), "concatenate", "x")
    assert as_lists(joined) == ([1, 3, 4], [1, 1], ("a", "a"))
    assert joined.value.dtype == np.float32


@pytest.mark.parametrize("other", [numbers(1), numbers(1, 2, word="b")])
def test_what_cannot_be_added_is_refused(other):
    with pytest.raises(MismatchedInputFiles, match="cannot be added"):
        merged(numbers(1, 2), other, "sum", "x")
