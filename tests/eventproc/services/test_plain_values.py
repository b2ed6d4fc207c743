from __future__ import annotations

import enum
import json
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from eventproc.model.event_id import EventID
from eventproc.services.plain_values import leaves, plain_value, printable


@dataclass(frozen=True, slots=True)
class Pair:
    first: int
    _hidden: int = 0


class Colour(enum.IntEnum):
    RED = 1


def test_dataclasses_and_named_tuples_become_mappings_without_private_fields() -> None:
    value = OrderedDict(pair=Pair(1), id=EventID(1, 2, 3))
    assert plain_value(value) == {"pair": {"first": 1}, "id": {"run": 1, "luminosityBlock": 2, "event": 3}}


def test_numpy_values_become_pythons() -> None:
    value = plain_value({"scalar": np.float32(0.5), "array": np.array([1, 2]), "flag": np.bool_(True)})
    assert value == {"scalar": 0.5, "array": [1, 2], "flag": True}
    assert [type(item) for item in value.values()] == [float, list, bool]


def test_numbers_that_json_lacks_become_none() -> None:
    assert plain_value([float("nan"), float("inf"), np.float64("-inf")]) == [None, None, None]


def test_an_enum_of_integers_is_its_number() -> None:
    assert type(plain_value(Colour.RED)) is int


def test_what_is_none_of_these_becomes_text() -> None:
    assert plain_value(3 + 4j) == "(3+4j)"


def test_leaves_have_dotted_names_and_no_lists() -> None:
    assert leaves({"a": {"b": 1, "c": {"d": "x"}}, "e": [1], "f": None}) == {"a.b": "1", "a.c.d": "x"}


def test_printable_text_is_unchanged_and_the_rest_is_escaped() -> None:
    assert printable("jets: ϕ, \t\n 𝛈") == "jets: ϕ, \t\n 𝛈"
    assert printable("\x1b[31m \x00 \udc80") == "\\x1b[31m \\x00 \\udc80"


@given(
    st.recursive(st.none() | st.floats() | st.integers() | st.text(st.characters()) | st.binary(), st.lists)
)
def test_every_value_becomes_json(value: object) -> None:
    assert json.loads(json.dumps(plain_value(value), allow_nan=False)) == plain_value(value)
