"""Turns an ONNX graph into layer descriptions, or says which operator is in the way."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import DTypeLike

from accelerator_server.backends.base import Array, EngineTensor
from accelerator_server.backends.opencl.fusion import fuse
from accelerator_server.backends.opencl.graph import Graph, Node
from accelerator_server.backends.opencl.integer_fusion import fuse_integers
from accelerator_server.backends.opencl.integer_layers import Dequantise, Quantise
from accelerator_server.backends.opencl.layers import (
    Addition,
    Convolution,
    FeatureMap,
    Floats,
    Function,
    IntegerWeights,
    Layer,
    Network,
    Pointwise,
    Pooling,
    Quantisation,
    Softmax,
    Window,
)
from accelerator_server.errors import ModelRefusedError


@dataclass(frozen=True, slots=True)
class _Value:
    """What a name in the graph stands for: a map, as it is or flattened to a vector."""

    map: FeatureMap
    flat: bool

    @property
    def is_vector(self) -> bool:
        return self.map.height == self.map.width == 1


def lower(graph: Graph) -> Network:
    """Describes a graph as layers, neighbours fused.

    Raises:
        ModelRefusedError: An operator, or a form of it, is not known.
    """
    lowering = _Lowering(graph)
    for node in graph.nodes:
        lowering.take(node)
    return fuse_integers(fuse(lowering.network()))


class _Lowering:
    """Walks the nodes once; used by `lower` only."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._constants = dict(graph.constants)  # grows where a node only passes a constant on
        self._integers: dict[str, IntegerWeights] = {}  # dequantised constants, as they were before
        self._values: dict[str, _Value] = {}  # what the nodes taken so far made
        self._layers: list[Layer] = []
        for tensor in graph.inputs:
            self._values[tensor.name] = _input_value(tensor)

    def take(self, node: Node) -> None:
        handler = _HANDLERS.get(node.operator)
        if handler is None:
            message = f"opencl does not know the operator {node.operator}; it knows {', '.join(OPERATORS)}"
            raise ModelRefusedError(message)
        known = [self._values[name].map for name in node.inputs if name in self._values]
        if node.operator != "DequantizeLinear" and any(m.quantisation for m in known):
            raise _refused(node, "quantised maps go into a DequantizeLinear first")
        handler(self, node)

    def network(self) -> Network:
        inputs = tuple(self._values[tensor.name].map for tensor in self._graph.inputs)
        outputs = {t.name: self._value(t.name, "the output").map for t in self._graph.outputs}
        for name, held in outputs.items():
            if held.quantisation is not None:
                message = f"opencl gives outputs of FP32, not quantised as {name!r} is"
                raise ModelRefusedError(message)
        return Network(inputs, tuple(self._layers), {name: m.name for name, m in outputs.items()})

    def convolution(self, node: Node) -> None:
        weights = self._constant(node, 1)
        if weights.ndim != 4 or node.attributes.get("group", 1) != 1:
            raise _refused(node, "only two dimensions and one group")
        if set(node.attributes.get("dilations", (1,))) != {1}:
            raise _refused(node, "no dilations")
        source = self._source(node)
        self._convolve(node, source, weights, _window(node, (weights.shape[2], weights.shape[3])), 2)

    def gemm(self, node: Node) -> None:
        if node.attributes.get("transA", 0):
            raise _refused(node, "no transA")
        matrix = self._constant(node, 1) * node.attributes.get("alpha", 1.0)
        if not node.attributes.get("transB", 0):
            matrix = matrix.T
        source = self._values[node.inputs[0]]
        if not (source.flat or source.is_vector):
            raise _refused(node, "a vector or a flattened map")
        shape = source.map
        if matrix.ndim != 2 or matrix.shape[1] != shape.size:
            raise _refused(node, f"a matrix for {shape.size} values, not {list(matrix.shape)}")
        weights = matrix.reshape(-1, shape.channels, shape.height, shape.width)
        window = Window((shape.height, shape.width))
        self._convolve(node, source, weights, window, 2, node.attributes.get("beta", 1.0))

    def batch_normalization(self, node: Node) -> None:
        gamma, beta, mean, variance = (self._constant(node, place) for place in (1, 2, 3, 4))
        scale = gamma / np.sqrt(variance + node.attributes.get("epsilon", 1e-5))
        self._pointwise(node, self._source(node), scale, beta - mean * scale)

    def pool(self, node: Node) -> None:
        if node.attributes.get("ceil_mode", 0) or set(node.attributes.get("dilations", (1,))) != {1}:
            raise _refused(node, "no ceil_mode and no dilations")
        if len(node.outputs) != 1:
            raise _refused(node, "no indices")
        self._pool(node, _window(node, tuple(node.attributes["kernel_shape"])))

    def global_pool(self, node: Node) -> None:
        source = self._source(node).map
        self._pool(node, Window((source.height, source.width)))

    def reduce_mean(self, node: Node) -> None:
        axes = node.attributes.get("axes") or [int(a) for a in self._constant(node, 1)]
        if {axis % 4 for axis in axes} != {2, 3} or self._source(node).flat:
            raise _refused(node, "the mean over height and width")
        self.global_pool(node)
        if not node.attributes.get("keepdims", 1):
            value = self._values[node.outputs[0]]
            self._values[node.outputs[0]] = replace(value, flat=True)

    def function(self, node: Node) -> None:
        source = self._source(node)
        n = source.map.channels
        self._pointwise(node, source, np.ones(n), np.zeros(n), _FUNCTIONS[node.operator])

    def arithmetic(self, node: Node) -> None:
        if not any(name in self._constants for name in node.inputs):
            self._add_maps(node)
            return
        place = next(k for k, name in enumerate(node.inputs) if name in self._constants)
        source = self._value(node.inputs[1 - place], node.operator)
        constant = _per_channel(node, self._constant(node, place), source)
        one, zero = np.ones_like(constant), np.zeros_like(constant)
        match node.operator, place:
            case "Add", _:
                self._pointwise(node, source, one, constant)
            case "Mul", _:
                self._pointwise(node, source, constant, zero)
            case "Sub", 1:
                self._pointwise(node, source, one, -constant)
            case "Sub", 0:
                self._pointwise(node, source, -one, constant)
            case "Div", 1:
                self._pointwise(node, source, one / constant, zero)
            case _:
                raise _refused(node, "division by a constant")

    def flatten(self, node: Node) -> None:
        source = self._source(node)
        if node.operator == "Flatten":
            whole = node.attributes.get("axis", 1) == 1
        else:
            shape = [int(size) for size in self._constant(node, 1)]
            whole = len(shape) == 2 and shape[1] in (-1, source.map.size) and shape != [-1, -1]
        if not whole:
            raise _refused(node, "only to (rows, values)")
        self._values[node.outputs[0]] = replace(source, flat=True)

    def softmax(self, node: Node) -> None:
        source = self._source(node)
        rank = 2 if source.flat else 4
        if not source.is_vector or node.attributes.get("axis", -1) % rank != 1:
            raise _refused(node, "over the channels of a vector")
        target = replace(source.map, name=node.outputs[0])
        self._finish(Softmax(source.map.name, target), source.flat)

    def quantise(self, node: Node) -> None:
        source = self._source(node)
        quantisation = self._quantisation(node)
        target = replace(source.map, name=node.outputs[0], quantisation=quantisation)
        self._finish(Quantise(source.map.name, target), source.flat)

    def dequantise(self, node: Node) -> None:
        if node.inputs[0] in self._constants:
            self._dequantise_constant(node)
            return
        source = self._value(node.inputs[0], node.operator)
        quantisation = self._quantisation(node)
        if source.map.quantisation != quantisation:
            raise _refused(node, f"the scale and zero point of {node.inputs[0]!r}")
        target = replace(source.map, name=node.outputs[0], quantisation=None)
        self._finish(Dequantise(source.map.name, target), source.flat)

    def identity(self, node: Node) -> None:
        if node.inputs[0] in self._constants:
            self._constants[node.outputs[0]] = self._constants[node.inputs[0]]
        else:
            self._values[node.outputs[0]] = self._source(node)

    def _add_maps(self, node: Node) -> None:
        first, second = (self._value(name, node.operator) for name in node.inputs)
        alike = replace(first.map, name=second.map.name) == second.map and first.flat == second.flat
        if node.operator != "Add" or not alike:
            raise _refused(node, "two maps can only be added, and must have the same shape")
        target = replace(first.map, name=node.outputs[0])
        self._finish(Addition(first.map.name, second.map.name, target), first.flat)

    def _quantisation(self, node: Node) -> Quantisation:
        """Of a map. Signed bytes are kept as unsigned ones, 128 higher: they stand for the same numbers."""
        scale, zero = self._scale_and_zero(node, np.uint8)
        if scale.size != 1 or zero.size != 1 or zero.dtype not in (np.uint8, np.int8):
            raise _refused(node, "maps of bytes, with one scale and one zero point")
        return Quantisation(scale.item(), int(zero.item()) + (128 if zero.dtype == np.int8 else 0))

    def _scale_and_zero(self, node: Node, dtype: DTypeLike) -> tuple[Floats, Array]:
        """The zero point in its own type; left out it is 0, in the type that is given."""
        scale = self._constant(node, 1)
        name = node.inputs[2] if len(node.inputs) > 2 else ""
        if node.attributes.get("block_size", 0) or (not name and node.attributes.get("output_dtype", 0)):
            raise _refused(node, "no blocks, and the type of the bytes by their zero point")
        if not name:
            return scale, np.zeros(scale.shape, dtype)
        if name not in self._constants:
            raise _refused(node, "input 2 must be a constant")
        return scale, self._constants[name]

    def _dequantise_constant(self, node: Node) -> None:
        values = self._constants[node.inputs[0]]
        scale, zero = self._scale_and_zero(node, values.dtype)
        axis = node.attributes.get("axis", 1) % values.ndim if scale.size > 1 else 0
        along = [1] * values.ndim
        if scale.size > 1:
            along[axis] = scale.size
        scale, zero = scale.reshape(along), zero.astype(np.float64).reshape(along)
        self._constants[node.outputs[0]] = (values.astype(np.float64) - zero) * scale
        # A scale for each channel of the source would have to be known for each product of the sum.
        if values.dtype == np.int8 and not zero.any() and axis == 0:
            self._integers[node.outputs[0]] = IntegerWeights(values.astype(np.int8), scale.reshape(-1))

    def _convolve(
        self, node: Node, source: _Value, weights: Floats, window: Window, bias_place: int, beta: float = 1.0
    ) -> None:
        height, width = window.target_size(source.map.height, source.map.width)
        if weights.shape[1] != source.map.channels or min(height, width) < 1:
            raise _refused(node, f"weights {list(weights.shape)} do not fit {source.map}")
        bias = np.zeros(len(weights))
        if len(node.inputs) > bias_place:
            given = self._constant(node, bias_place)
            if given.size != 1 and given.shape not in (bias.shape, (1, *bias.shape)):
                raise _refused(node, f"a bias of {len(bias)} numbers, not {list(given.shape)}")
            bias = bias + beta * given.reshape(-1)
        target = FeatureMap(node.outputs[0], len(weights), height, width)
        layer = Convolution(source.map.name, target, window, weights, bias, integers=self._integers_of(node))
        self._finish(layer, flat=node.operator != "Conv")

    def _integers_of(self, node: Node) -> IntegerWeights | None:
        found = self._integers.get(node.inputs[1])
        if found is None or node.operator != "Conv" or found.scale.size not in (1, len(found.values)):
            return None
        return IntegerWeights(found.values, np.broadcast_to(found.scale, len(found.values)))

    def _pool(self, node: Node, window: Window) -> None:
        source = self._source(node).map
        height, width = window.target_size(source.height, source.width)
        if min(height, width) < 1:
            raise _refused(node, f"a window of {list(window.size)} does not fit {source}")
        target = FeatureMap(node.outputs[0], source.channels, height, width)
        counts_pads = bool(node.attributes.get("count_include_pad", 0))
        layer = Pooling(source.name, target, window, "Max" not in node.operator, counts_pads)
        self._finish(layer, flat=False)

    def _pointwise(
        self,
        node: Node,
        source: _Value,
        scale: Floats,
        shift: Floats,
        function: Function = Function.IDENTITY,
    ) -> None:
        target = replace(source.map, name=node.outputs[0])
        self._finish(Pointwise(source.map.name, target, scale, shift, function), source.flat)

    def _finish(self, layer: Layer, flat: bool) -> None:
        self._layers.append(layer)
        self._values[layer.target.name] = _Value(layer.target, flat)

    def _source(self, node: Node) -> _Value:
        value = self._value(node.inputs[0], node.operator)
        if value.flat and not value.is_vector:
            raise _refused(node, "a flattened map can only go into a Gemm")
        return value

    def _value(self, name: str, reader: str) -> _Value:
        if name not in self._values:
            message = f"opencl: {reader} reads {name!r}, which is a constant or is not there"
            raise ModelRefusedError(message)
        return self._values[name]

    def _constant(self, node: Node, place: int) -> Floats:
        name = node.inputs[place] if len(node.inputs) > place else ""
        if name not in self._constants:
            raise _refused(node, f"input {place} must be a constant")
        return self._constants[name].astype(np.float64)


def _input_value(tensor: EngineTensor) -> _Value:
    sizes = tensor.shape[1:]
    if tensor.datatype != "FP32" or len(sizes) not in (1, 3) or min(sizes) < 1:
        message = (
            f"opencl takes inputs of FP32 and of shape (rows, values) or (rows, channels, height, width), "
            f"not {tensor.name}: {tensor.datatype} {list(tensor.shape)}"
        )
        raise ModelRefusedError(message)
    channels, height, width = (*sizes, 1, 1)[:3]
    return _Value(FeatureMap(tensor.name, channels, height, width), flat=len(sizes) == 1)


def _window(node: Node, size: tuple[Any, ...]) -> Window:
    if node.attributes.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID"):
        raise _refused(node, "pads must be written out, not left to auto_pad")
    if len(size) != 2:
        raise _refused(node, "only two dimensions")
    strides = node.attributes.get("strides", (1, 1))
    top, left, bottom, right = node.attributes.get("pads", (0, 0, 0, 0))
    return Window((size[0], size[1]), (strides[0], strides[1]), (top, left, bottom, right))


def _per_channel(node: Node, constant: Array, source: _Value) -> Floats:
    n = source.map.channels
    if constant.size == 1:
        return np.full(n, constant.item(), np.float64)
    channel_axis = -1 if source.flat else -3
    along = constant.shape[channel_axis] if constant.ndim >= -channel_axis else 0
    if constant.size != n or along != n:
        raise _refused(node, f"one number or one for each of {n} channels, not {list(constant.shape)}")
    return constant.astype(np.float64).reshape(n)


def _refused(node: Node, wanted: str) -> ModelRefusedError:
    return ModelRefusedError(f"opencl cannot run {node.operator} {node.outputs[0]!r}: {wanted}")


_FUNCTIONS: Final = {
    "Relu": Function.RELU,
    "Log": Function.LOG,
    "Exp": Function.EXP,
    "Sqrt": Function.SQRT,
    "Sigmoid": Function.SIGMOID,
    "Tanh": Function.TANH,
}

_HANDLERS: Final[dict[str, Callable[[_Lowering, Node], None]]] = {
    "Conv": _Lowering.convolution,
    "Gemm": _Lowering.gemm,
    "MatMul": _Lowering.gemm,
    "BatchNormalization": _Lowering.batch_normalization,
    "MaxPool": _Lowering.pool,
    "AveragePool": _Lowering.pool,
    "GlobalAveragePool": _Lowering.global_pool,
    "GlobalMaxPool": _Lowering.global_pool,
    "ReduceMean": _Lowering.reduce_mean,
    **dict.fromkeys(_FUNCTIONS, _Lowering.function),
    **dict.fromkeys(("Add", "Sub", "Mul", "Div"), _Lowering.arithmetic),
    "Flatten": _Lowering.flatten,
    "Reshape": _Lowering.flatten,
    "Softmax": _Lowering.softmax,
    "Identity": _Lowering.identity,
    "QuantizeLinear": _Lowering.quantise,
    "DequantizeLinear": _Lowering.dequantise,
}

OPERATORS: Final = tuple(sorted(_HANDLERS))
"""ONNX operators that can be run."""
