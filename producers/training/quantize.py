"""Rewrites an exported model for arithmetic in 8 bits, all but its first and last layers."""

import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnx

from producers.algorithms.image_specification import ImageSpecification
from producers.training.export import ExportError, describe_model

CALIBRATION_IMAGES: Final = 128
"""Enough to find the range of activations; more change nothing that was measured."""

_BATCH: Final = 32


def quantize_model(
    source: Path,
    images: npt.NDArray[np.float32],
    specification: ImageSpecification,
    folder: Path,
    *,
    precision: str = "int8",
) -> Path:
    """Writes a quantised copy of a model and its ``model.toml`` into another version folder.

    Static quantisation in QDQ form: unsigned activations and signed weights, by channel, ranges by minimum
    and maximum. What comes before the first convolution (sums of pixels, logarithm) and after the pooling
    (the linear layer and the softmax) stays in float: quantised scores come in steps of 1/255, which ruins
    rejection at high purity.

    Args:
        source: ``model.onnx`` in float32.
        images: float32, (n, 1, pixels, pixels), typical ones, to find the ranges.
        specification: Of the images.
        folder: Such as ``models/toptag_small/2``.
        precision: What the description says of the model.

    Returns:
        Path of the quantised ONNX file.

    Raises:
        ExportError: The model has no convolution to quantise.
    """
    # Loaded only by who quantises: onnxruntime is an engine among others.
    from onnxruntime.quantization import (  # noqa: PLC0415
        CalibrationMethod,
        QuantFormat,
        QuantType,
        quantize_static,
    )

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "model.onnx"
    with tempfile.TemporaryDirectory() as scratch:
        named = Path(scratch) / "named.onnx"
        in_float = _write_named(source, named)
        root = logging.getLogger()
        level = root.level
        try:
            # It advises on the root logger to run a preparation step that changes nothing here.
            root.setLevel(logging.ERROR)
            quantize_static(
                named,
                path,
                _Calibration(images),
                quant_format=QuantFormat.QDQ,
                per_channel=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                calibrate_method=CalibrationMethod.MinMax,
                nodes_to_exclude=in_float,
            )
        finally:
            root.setLevel(level)
    description = describe_model(path, specification, precision=precision)
    (folder / "model.toml").write_text(description, encoding="utf-8")
    return path


def float_nodes(model: onnx.ModelProto) -> list[str]:
    """Names the nodes before the first convolution and from the last pooling on.

    Raises:
        ExportError: There is no convolution.
    """
    nodes = list(model.graph.node)
    convolutions = [number for number, node in enumerate(nodes) if node.op_type == "Conv"]
    if not convolutions:
        message = "cannot quantise a model without convolutions: what is not a convolution stays in float"
        raise ExportError(message)
    first, last = convolutions[0], convolutions[-1]
    pooled = [n for n, node in enumerate(nodes) if n > last and "Pool" in node.op_type]
    tail = pooled[0] if pooled else last + 1
    return [node.name for number, node in enumerate(nodes) if number < first or number >= tail]


class _Calibration:
    """Hands out batches of images, as onnxruntime's CalibrationDataReader does."""

    def __init__(self, images: npt.NDArray[np.float32]) -> None:
        self._batches: Iterator[npt.NDArray[np.float32]] = (
            images[start : start + _BATCH] for start in range(0, len(images), _BATCH)
        )

    def get_next(self) -> dict[str, Any] | None:
        """Gives the next batch, or None after the last."""
        batch = next(self._batches, None)
        return None if batch is None else {"images": batch}


def _write_named(source: Path, target: Path) -> list[str]:
    """Copies a model with a name for every node, and tells which nodes stay in float."""
    model = onnx.load(source)
    for number, node in enumerate(model.graph.node):
        node.name = node.name or f"{node.op_type}_{number}"
    onnx.save(model, target)
    return float_nodes(model)
