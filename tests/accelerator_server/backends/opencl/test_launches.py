"""Launches say everything that a kernel needs, and are the same each time; no device is needed for them."""

import numpy as np
import pytest

from accelerator_server.backends.opencl.graph import read_graph
from accelerator_server.backends.opencl.kernels import program_source
from accelerator_server.backends.opencl.launches import Constant, packed_weights, plan
from accelerator_server.backends.opencl.lowering import lower
from accelerator_server.backends.opencl.placement import Geometry, place
from accelerator_server.backends.opencl.tiles import default_tiles
from accelerator_server.backends.opencl.tiling import CUTS, DeviceClass
from benchmarks.networks import residual_network


@pytest.fixture(scope="module", params=list(DeviceClass))
def program(request):
    network = lower(read_graph(residual_network(((16, 1), (32, 1)), pixels=32)))
    placement = place(network)
    return plan(network, placement, CUTS[request.param], default_tiles(network, placement, request.param))


def test_every_kernel_gets_as_many_arguments_as_it_declares(program):
    for launch in (*program.uploads, *program.layers, *program.downloads):
        assert len(launch.arguments) == len(launch.kernel.parameters)
        for argument, parameter in zip(launch.arguments, launch.kernel.parameters, strict=True):
            assert isinstance(argument, int) == parameter.startswith("const int")
            assert isinstance(argument, Constant) <= parameter.startswith("__global const")


def test_global_sizes_are_whole_work_groups_with_room_for_all_items(program):
    for launch in program.layers:
        assert launch.global_size[0] % launch.kernel.group == 0
        assert launch.global_size[0] >= launch.items[0] > launch.global_size[0] - launch.kernel.group


def test_the_source_holds_each_kernel_once_whatever_the_order(program):
    kernels = [launch.kernel for launch in program.layers]
    source = program_source(kernels)
    assert source == program_source(reversed(kernels))
    for kernel in program.kernels:
        if kernel in kernels:
            assert source.count(f"#define NAME {kernel.name}\n") == 1


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
