"""Finds the layers that stand between a DequantizeLinear and a QuantizeLinear and computes them on bytes."""

from dataclasses import replace

from accelerator_server.backends.opencl.fusion import reader_count
from accelerator_server.backends.opencl.integer_layers import (
    Dequantise,
    IntegerAddition,
    IntegerConvolution,
    IntegerMaximum,
    Quantise,
)
from accelerator_server.backends.opencl.layers import (
    Addition,
    Convolution,
    FeatureMap,
    Layer,
    Network,
    Pooling,
)


def fuse_integers(network: Network) -> Network:
    """Replaces dequantise, convolve or add, quantise by one layer on bytes where the weights allow it."""
    finder = _Finder(network)
    layers: list[Layer] = []
    for layer in network.layers:
        if isinstance(layer, Quantise):
            layers.append(finder.on_bytes(layer) or layer)
        else:
            layers.append(layer)
    return _without_unread(replace(network, layers=tuple(layers)))


class _Finder:
    def __init__(self, network: Network) -> None:
        self._network = network
        self._makers = {layer.target.name: layer for layer in network.layers}
        self._maps = network.maps

    def on_bytes(self, quantise: Quantise) -> Layer | None:
        """The layer on bytes that makes what is quantised here; None if there is none."""
        maker = self._makers.get(quantise.source)
        if maker is None or reader_count(self._network, quantise.source) != 1:
            return None
        if isinstance(maker, Convolution):
            return self._convolution(maker, quantise.target)
        if isinstance(maker, Pooling):
            return self._maximum(maker, quantise.target)
        if isinstance(maker, Addition):
            first, second = self._bytes_behind(maker.first), self._bytes_behind(maker.second)
            if first is not None and second is not None:
                return IntegerAddition(first.name, second.name, quantise.target, maker.relu)
        return None

    def _convolution(self, layer: Convolution, target: FeatureMap) -> IntegerConvolution | None:
        source = self._bytes_behind(layer.source)
        if source is None or source.quantisation is None or layer.integers is None or layer.addend:
            return None
        scale = source.quantisation.scale * layer.integers.scale
        return IntegerConvolution(
            source.name, target, layer.window, layer.integers.values, scale, layer.bias, layer.relu
        )

    def _maximum(self, layer: Pooling, target: FeatureMap) -> IntegerMaximum | None:
        source = self._bytes_behind(layer.source)
        if source is None or layer.average or source.quantisation != target.quantisation:
            return None
        return IntegerMaximum(source.name, target, layer.window)

    def _bytes_behind(self, name: str) -> FeatureMap | None:
        maker = self._makers.get(name)
        return self._maps[maker.source] if isinstance(maker, Dequantise) else None


def _without_unread(network: Network) -> Network:
    while True:
        kept = tuple(layer for layer in network.layers if reader_count(network, layer.target.name))
        if len(kept) == len(network.layers):
            return network
        network = replace(network, layers=kept)
