"""Shared memory of batches: two mappings of one file see the same, each tensor apart from the others."""

import os

import numpy as np

from accelerator_server.model_spec import ModelSpec, TensorSpec
from accelerator_server.workers.batch_memory import LaneMemory, create_batch_memory, map_batch_memory

SPEC = ModelSpec(
    (TensorSpec("image", "FP32", (3, 5)), TensorSpec("flag", "BOOL", ())),
    (TensorSpec("scores", "FP16", (7,)),),
    max_rows=3,
)


def arrays_of(lanes: list[LaneMemory]) -> list[np.ndarray]:
    return [
        array
        for lane in lanes
        for part in (lane.inputs, lane.outputs, lane.compact)
        for array in part.values()
    ]


def test_what_one_side_writes_the_other_reads_and_no_tensor_touches_another():
    descriptor = create_batch_memory(SPEC, 2)
    ours, theirs = (map_batch_memory(descriptor, SPEC, 2) for _ in range(2))
    os.close(descriptor)
    arrays = arrays_of(ours)
    assert not any(array.any() for array in arrays)
    for k, array in enumerate(arrays, 1):
        array[...] = k
    for k, array in enumerate(arrays_of(theirs), 1):
        assert np.all(array == array.dtype.type(k))
    assert {name: array.shape for name, array in theirs[0].inputs.items()} == {
        "image": (3, 3, 5),
        "flag": (3,),
    }
    assert theirs[1].outputs["scores"].shape == (3, 7)
    assert theirs[1].outputs["scores"].dtype == np.float16
