"""Maps have the pads that their readers want, and share buffers only where nothing can be left behind."""

from functools import cache

from accelerator_server.backends.opencl.graph import read_graph
from accelerator_server.backends.opencl.layers import Convolution
from accelerator_server.backends.opencl.lowering import lower
from accelerator_server.backends.opencl.placement import BLOCK, place
from benchmarks.networks import residual_network

# As deep as ResNet-50, and an eighth as wide.
STAGES = ((8, 3), (16, 4), (32, 6), (64, 3))


@cache
def resnet50():
    return lower(read_graph(residual_network(STAGES)))


def test_a_map_has_the_pads_of_the_widest_of_its_readers():
    network = resnet50()
    placement = place(network)
    for layer in network.layers:
        if isinstance(layer, Convolution):
            assert placement.maps[layer.source].geometry.pad >= max(layer.window.pads)
    stem = next(layer for layer in network.layers if isinstance(layer, Convolution))
    assert placement.maps[stem.source].geometry.pad == 3


def test_few_channels_of_an_input_are_not_filled_up_to_a_block():
    network = resnet50()
    placement = place(network)
    assert placement.maps["images"].geometry.block == 1
    blocks = {
        placement.maps[la.target.name].geometry.block for la in network.layers if la.target.channels > 1
    }
    assert blocks == {BLOCK}


def test_no_two_maps_that_live_at_once_share_a_buffer():
    network = resnet50()
    placement = place(network)
    born = {m.name: -1 for m in network.inputs} | {la.target.name: k for k, la in enumerate(network.layers)}
    last = dict.fromkeys(born, -1)
    for step, layer in enumerate(network.layers):
        last.update(dict.fromkeys(layer.sources, step))
    last.update(dict.fromkeys(network.outputs.values(), len(network.layers)))
    for one in born:
        for other in born:
            if placement.maps[one].buffer == placement.maps[other].buffer and born[one] < born[other]:
                assert last[one] < born[other]


def test_sharing_saves_close_to_half_of_the_memory():
    network = resnet50()
    assert place(network).row_bytes < 0.55 * place(network, keep_all=True).row_bytes
    assert len(place(network, keep_all=True).buffers) == len(network.maps)
