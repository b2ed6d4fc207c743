"""A network in 8 bits, as CPUs are quick with: unsigned activations, signed weights by channel (QDQ)."""

import logging
import tempfile
from pathlib import Path

from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from networks import jet_images

CALIBRATION_BATCHES = 4


class _Images(CalibrationDataReader):
    """What the scales are chosen from."""

    def __init__(self) -> None:
        self._batches = iter([{"images": jet_images(4, seed=seed)} for seed in range(CALIBRATION_BATCHES)])

    def get_next(self) -> dict | None:
        return next(self._batches, None)


def quantised(network: bytes) -> bytes:
    """The network with its convolutions in 8 bits; what it computes is of no matter here, its speed is."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "f32.onnx", Path(folder) / "int8.onnx"
        source.write_bytes(network)
        logging.disable(logging.WARNING)  # advises a preparation step that changes nothing here
        quantize_static(
            source,
            target,
            _Images(),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
        )
        logging.disable(logging.NOTSET)
        return target.read_bytes()
