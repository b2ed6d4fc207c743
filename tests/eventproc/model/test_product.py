from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from eventproc.errors import LogicError
from eventproc.model.product import Product, column, product_class


@dataclass(frozen=True, slots=True)
class Tracks(Product):
    pt: Any = column(np.float32, doc="momentum")
    hits: Any = column(np.uint16, axis="hit", unit="mm", doc="positions")
    origin: Any = column(str, doc="where from")
    bunch: Any = column(np.int32, axis=None)


def tracks(pt=2, hits=3, origin=2):
    return Tracks(np.zeros(pt, np.float32), np.zeros(hits, np.uint16), ("x",) * origin, np.zeros(1, np.int32))


def test_the_schema_tells_types_axes_and_units_in_order():
    described = [(c.name, c.dtype, c.axis, c.unit) for c in Tracks.schema()]
    assert described == [
        ("pt", "float32", "", ""),
        ("hits", "uint16", "hit", "mm"),
        ("origin", "str", "", ""),
        ("bunch", "int32", None, ""),
    ]


def test_a_column_that_would_hide_what_every_product_has_is_refused():
    with pytest.raises(LogicError, match="product Named: a column cannot be called 'name'"):

        @dataclass(frozen=True, slots=True)
        class Named(Product):
            name: Any = column(str)


def test_axes_have_lengths_of_their_own():
    tracks().check()
    with pytest.raises(LogicError, match="origin has 1 rows but pt has 2"):
        tracks(origin=1).check()


def test_an_empty_product_passes_its_own_check_and_has_no_rows():
    empty = Tracks.empty()
    empty.check()
    assert len(empty) == 0
    assert len(empty.bunch) == 1


def test_a_class_made_from_a_schema_is_as_good_as_the_original():
    made = product_class("Tracks", Tracks.schema())
    assert made.name() == "Tracks"
    assert made.schema() == Tracks.schema()
    assert made is product_class("Tracks", Tracks.schema())
    made.empty().check()
