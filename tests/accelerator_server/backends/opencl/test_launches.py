"""Launches say everything that a kernel needs, and are the same each time; no device is needed for them."""

import pytest

from accelerator_server.backends.opencl.graph import read_graph
from accelerator_server.backends.opencl.kernels import program_source
from accelerator_server.backends.opencl.launches import Constant, plan
from accelerator_server.backends.opencl.lowering import lower
from accelerator_server.backends.opencl.placement import place
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
