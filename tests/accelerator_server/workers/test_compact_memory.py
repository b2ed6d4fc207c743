"""Compact rows in shared memory: what one side writes the other reads, bit by bit."""

import numpy as np
import pytest

from accelerator_server.backends.compact import LitRows, ScaledRows
from accelerator_server.model_spec import ModelSpec, TensorSpec
from accelerator_server.workers.compact_memory import read_compact, write_compact
from accelerator_server.workers.messages import BATCH, MAX_BATCH_BYTES
from inference_client.protocol.datatypes import DTYPES
from inference_client.protocol.messages import MAX_TENSORS

SPEC = ModelSpec((TensorSpec("a", "FP32", (2, 3)), TensorSpec("b", "FP16", (9,))), (), max_rows=4)


def areas(spec: ModelSpec) -> dict[str, np.ndarray]:
    return {
        tensor.name: np.full(spec.max_rows * tensor.row_size * tensor.dtype.itemsize, 255, np.uint8)
        for tensor in spec.inputs
    }


def test_inputs_of_both_forms_and_others_that_are_not_there():
    shared = areas(SPEC)
    steps = np.arange(18, dtype=np.uint8).reshape(3, 2, 3)
    scales = np.array([0.5, 2, -1], np.float32).reshape(3, 1, 1)
    lit = LitRows(np.array([30, 2]), np.array([1, -2], np.float16))
    sent = {"b": lit, "a": ScaledRows(steps, scales)}
    found = read_compact(shared, SPEC, write_compact(shared, SPEC, sent))
    assert {name: type(rows) for name, rows in found.items()} == {"a": ScaledRows, "b": LitRows}
    for name, rows in sent.items():
        for part, expected in zip(found[name], rows, strict=True):
            assert (part.dtype, part.shape) == (expected.dtype, expected.shape)
            assert part.tobytes() == expected.tobytes()
    assert list(read_compact(shared, SPEC, write_compact(shared, SPEC, {"b": lit}))) == ["b"]
    assert read_compact(shared, SPEC, write_compact(shared, SPEC, {})) == {}


@pytest.mark.parametrize("datatype", DTYPES)
def test_lit_elements_of_every_datatype(datatype):
    spec = ModelSpec((TensorSpec("x", datatype, (101,)),), (), max_rows=1)
    shared = areas(spec)
    lit = LitRows(np.array([100, 0, 7]), np.array([1, 0, 1], DTYPES[datatype]))
    found = read_compact(shared, spec, write_compact(shared, spec, {"x": lit}))["x"]
    assert found.positions.tolist() == [100, 0, 7]
    assert found.values.dtype == DTYPES[datatype]
    assert found.values.tolist() == lit.values.tolist()


def test_a_batch_of_as_many_inputs_as_a_request_may_have_fits_into_a_message():
    names = [f"x{k}" for k in range(MAX_TENSORS)]
    spec = ModelSpec(tuple(TensorSpec(name, "FP32", (9,)) for name in names), (), max_rows=1)
    lit = LitRows(np.array([4]), np.array([1], np.float32))
    forms = write_compact(areas(spec), spec, dict.fromkeys(names, lit))
    assert BATCH.size + len(forms) <= MAX_BATCH_BYTES
