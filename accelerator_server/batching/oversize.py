"""Requests of more rows than a batch holds: cut into pieces on their way in, joined on their way out."""

from collections.abc import Sequence

import numpy as np

from accelerator_server.batching.model_queue import Completed
from inference_client.protocol.messages import Tensor
from inference_client.protocol.rows import slice_rows


def pieces_of(tensors: Sequence[Tensor], n_rows: int, piece_rows: int) -> list[list[Tensor]]:
    """Cuts the inputs of a request into pieces of `piece_rows` rows, the last one may have fewer.

    Args:
        tensors: Each of `n_rows` rows, checked with `check_tensor` before.
        n_rows: At least one.
        piece_rows: At least one.
    """
    bounds = [(start, min(start + piece_rows, n_rows)) for start in range(0, n_rows, piece_rows)]
    return [[slice_rows(tensor, start, stop) for tensor in tensors] for start, stop in bounds]


def joined(parts: Sequence[Completed]) -> Completed:
    """What became of a request, from what became of its pieces: all devices, the largest times and batch."""
    outputs = {name: np.concatenate([part.outputs[name] for part in parts]) for name in parts[0].outputs}
    return Completed(
        outputs,
        ",".join(sorted({part.device for part in parts})),
        max(part.batch_rows for part in parts),
        max(part.queue_us for part in parts),
        max(part.compute_us for part in parts),
    )
