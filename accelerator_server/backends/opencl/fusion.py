"""Merges neighbouring layers, so that what a convolution makes is finished while it is in registers."""

from collections.abc import Iterable
from dataclasses import replace

from accelerator_server.backends.opencl.layers import (
    Addition,
    Convolution,
    Function,
    Layer,
    Network,
    Pointwise,
)


def fuse(network: Network) -> Network:
    """Merges each layer into the one before it, where that one's target has no other reader."""
    fused: list[Layer] = []
    for layer in network.layers:
        # A later layer may complete what an earlier one began: Conv, then Add, then Relu.
        _append_fused(fused, layer, network)
    return replace(network, layers=tuple(fused))


def _append_fused(fused: list[Layer], layer: Layer, network: Network) -> None:
    # Of the two terms of a sum, the convolution that comes last can wait for the other.
    for place in range(len(fused) - 1, -1, -1):
        before = fused[place]
        if before.target.name not in layer.sources or reader_count(network, before.target.name) != 1:
            continue
        merged = _merge(before, layer, {later.target.name for later in fused[place + 1 :]})
        if merged is not None:
            fused[place] = merged
            return
    fused.append(layer)


def reader_count(network: Network, name: str) -> int:
    """How many layers and outputs read a map."""
    readers: Iterable[str] = (source for layer in network.layers for source in layer.sources)
    return sum(source == name for source in readers) + list(network.outputs.values()).count(name)


def _merge(before: Layer, layer: Layer, written_later: set[str]) -> Layer | None:
    match before, layer:
        case Convolution(relu=False), Pointwise(function=Function.RELU) if _changes_nothing(layer):
            return replace(before, target=layer.target, relu=True)
        case Convolution(addend="", relu=False), Pointwise(function=Function.IDENTITY | Function.RELU):
            return replace(
                before,
                target=layer.target,
                weights=before.weights * layer.scale[:, None, None, None],
                bias=before.bias * layer.scale + layer.shift,
                relu=layer.function is Function.RELU,
                integers=None,
            )
        case Addition(relu=False), Pointwise(function=Function.RELU) if _changes_nothing(layer):
            return replace(before, target=layer.target, relu=True)
        case Convolution(addend="", relu=False), Addition(relu=False):
            other = layer.second if layer.first == before.target.name else layer.first
            if other == before.target.name or other in written_later:
                return None
            return replace(before, target=layer.target, addend=other)
        case Pointwise(function=Function.IDENTITY), Pointwise():
            return replace(
                layer,
                source=before.source,
                scale=before.scale * layer.scale,
                shift=before.shift * layer.scale + layer.shift,
            )
    return None


def _changes_nothing(layer: Pointwise) -> bool:
    return bool((layer.scale == 1).all() and not layer.shift.any())
