"""The hash of a specification depends on what it says, not on how it is written down."""

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_client.protocol.specification import specification_hash

values = st.one_of(st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text())
specifications = st.dictionaries(st.text(), values | st.lists(values, max_size=3), max_size=5)


def test_the_hash_is_that_of_canonical_json():
    assert (
        specification_hash({"b": [1, 2.5], "a": "x"}) == hashlib.sha256(b'{"a":"x","b":[1,2.5]}').hexdigest()
    )


@given(specifications, st.randoms())
def test_the_order_of_keys_does_not_matter(specification, random):
    keys = list(specification)
    random.shuffle(keys)
    assert specification_hash({key: specification[key] for key in keys}) == specification_hash(specification)


@given(specifications)
def test_the_hash_survives_a_journey_through_json(specification):
    assert specification_hash(json.loads(json.dumps(specification))) == specification_hash(specification)


def test_numbers_that_are_not_finite_have_no_hash():
    with pytest.raises(ValueError, match="JSON"):
        specification_hash({"scale": float("nan")})
