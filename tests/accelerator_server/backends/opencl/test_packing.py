"""Constants lie in the order in which kernels read them."""

import numpy as np
import pytest

from accelerator_server.backends.opencl.packing import packed_channels, packed_weights
from accelerator_server.backends.opencl.placement import Geometry


def test_weights_are_packed_in_the_order_in_which_an_item_reads_them():
    weights = np.random.default_rng(0).standard_normal((40, 20, 3, 2))
    source, target = Geometry(2, 16, 7, 6, 0), Geometry(4, 16, 5, 5, 0)
    packed = packed_weights(weights, np.float32, source, target, tile_blocks=2)
    assert packed.shape == (2, 2, 3, 2 * 16, 2, 16, 1)
    assert packed[1, 1, 2, 16 + 3, 0, 5, 0] == np.float32(weights[2 * 16 + 5, 16 + 3, 2, 1])
    assert not packed[1, :, :, :, 0, 8:].any()
    assert not packed[:, 1, :, 4:16].any()
    assert packed.sum(dtype=np.float64) == pytest.approx(weights.sum(), abs=1e-3)


def test_weights_that_are_taken_four_at_once_lie_side_by_side_and_end_with_zeros():
    weights = np.random.default_rng(0).integers(-128, 128, (16, 1, 7, 7))
    source, target = Geometry(1, 1, 9, 9, 0), Geometry(1, 16, 3, 3, 0)
    packed = packed_weights(weights, np.int8, source, target, tile_blocks=1, step=4)
    assert packed.shape == (1, 1, 7, 2, 1, 16, 4)
    np.testing.assert_array_equal(packed[0, 0, 5, 1, 0, 9], [*weights[9, 0, 5, 4:], 0])


def test_numbers_of_channels_are_filled_up_to_whole_blocks():
    packed = packed_channels(np.arange(20), Geometry(2, 16, 1, 1, 0), filling=1.0)
    np.testing.assert_array_equal(packed, [*range(20), *[1.0] * 12])
