"""A model made of a Python function, answered as a server would answer."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from inference_client.protocol.arrays import dense_tensor, to_array
from inference_client.protocol.messages import (
    ENCODINGS,
    InferenceRecord,
    InferenceRequest,
    InferenceResponse,
    ModelMetadata,
    ModelParameters,
    TensorMetadata,
)
from inference_client.protocol.specification import specification_hash

Float32 = NDArray[np.float32]


class FakeModel:
    """One input, one output, both float32 with a free row axis.

    Attributes:
        metadata: Its signature; tests may change it.
        version: The version that it answers as.
        calls: Requests computed so far.

    Args:
        compute: From inputs (n_rows, *row_shape) to outputs (n_rows, n_outputs); row sums if not given.
        row_shape: Shape of one input row.
        n_outputs: Numbers in one output row.
        image_spec: The specification that it announces.
        max_rows: The limit that it announces.
    """

    def __init__(
        self,
        compute: Callable[[Float32], Float32] | None = None,
        *,
        name: str = "fake",
        row_shape: tuple[int, ...] = (1, 224, 224),
        n_outputs: int = 2,
        image_spec: dict[str, object] | None = None,
        max_rows: int = 64,
        sha256: str = "0" * 64,
    ) -> None:
        self.version = "1"
        self.calls: list[InferenceRequest] = []
        self._compute = compute or row_sums
        self.metadata = ModelMetadata(
            name=name,
            versions=[self.version],
            platform="fake",
            inputs=[TensorMetadata("image", "FP32", [-1, *row_shape])],
            outputs=[TensorMetadata("scores", "FP32", [-1, n_outputs])],
            parameters=ModelParameters(
                encodings=list(ENCODINGS),
                max_rows=max_rows,
                sha256=sha256,
                image_spec=image_spec or {},
                image_spec_hash=specification_hash(image_spec) if image_spec else "",
                precision="f32",
                reproducible=True,
            ),
        )

    def answer(self, request: InferenceRequest, server: str) -> InferenceResponse:
        """Computes a request.

        Raises:
            InvalidTensorError: A tensor contradicts itself.
        """
        self.calls.append(request)
        images = to_array(request.inputs[0]).astype(np.float32, copy=False)
        return InferenceResponse(
            id=request.id,
            model_name=self.metadata.name,
            model_version=self.version,
            outputs=[dense_tensor("scores", self._compute(images))],
            parameters=InferenceRecord(
                server=server,
                device="cpu",
                backend="fake",
                precision="f32",
                model_sha256=self.metadata.parameters.sha256,
                image_spec_hash=self.metadata.parameters.image_spec_hash,
                batch_rows=len(images),
            ),
        )


def row_sums(images: Float32) -> Float32:
    """Sum and number of lit pixels of every row: enough to tell rows apart.

    Args:
        images: float32, (n_rows, ...).

    Returns:
        float32, (n_rows, 2).
    """
    pixels = images.reshape(len(images), -1)
    return np.stack([pixels.sum(axis=1), (pixels != 0).sum(axis=1)], axis=1).astype(np.float32)
