"""Hypothesis strategies for tensors of every encoding, together with the arrays they stand for."""

import math

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from inference_client.protocol.arrays import dense_tensor, scaled_tensor, sparse_tensor
from inference_client.protocol.datatypes import DTYPES
from inference_client.protocol.messages import InferenceRequest

names = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF), min_size=1, max_size=20)
row_shapes = st.lists(st.integers(1, 5), min_size=1, max_size=3).map(tuple)


@st.composite
def dense_arrays(draw):
    dtype = draw(st.sampled_from(list(DTYPES.values())))
    shape = (draw(st.integers(0, 4)), *draw(row_shapes))
    return draw(hnp.arrays(dtype, shape, elements=hnp.from_dtype(dtype, allow_nan=False)))


@st.composite
def dense_cases(draw):
    """(tensor, array) with a plain tensor."""
    array = draw(dense_arrays())
    return dense_tensor(draw(names), array), array


@st.composite
def scaled_cases(draw):
    """(tensor, array) with a scaled tensor."""
    steps = draw(hnp.arrays(np.uint8, (draw(st.integers(0, 4)), *draw(row_shapes))))
    scale = draw(st.floats(2**-10, 2**10, width=32))
    return scaled_tensor(draw(names), steps, scale), steps.astype(np.float32) * np.float32(scale)


@st.composite
def sparse_cases(draw):
    """(tensor, array) with a sparse tensor made from the array's non-zero elements."""
    dtype = draw(st.sampled_from([np.dtype("<f4"), np.dtype("<f2"), np.dtype("u1")]))
    elements = hnp.from_dtype(dtype, allow_nan=False, allow_infinity=False)
    array = draw(
        hnp.arrays(dtype, (draw(st.integers(0, 4)), *draw(row_shapes)), elements=elements, fill=st.just(0))
    )
    flat = array.reshape(len(array), math.prod(array.shape[1:]))
    counts = np.count_nonzero(flat, axis=1)
    _, index = np.nonzero(flat)
    tensor = sparse_tensor(draw(names), array.shape[1:], counts, index, flat[flat != 0])
    return tensor, array.astype(np.float32)


cases = st.one_of(dense_cases(), scaled_cases(), sparse_cases())

parameters = st.dictionaries(
    st.text(max_size=10),
    st.one_of(
        st.booleans(),
        st.integers(-(2**63), 2**63 - 1),
        st.floats(allow_nan=False),
        st.text(max_size=10),
    ),
    max_size=4,
)


@st.composite
def requests(draw):
    tensors = [tensor for tensor, _ in draw(st.lists(cases, min_size=1, max_size=3))]
    return InferenceRequest(id=draw(names), inputs=tensors, parameters=draw(parameters))
