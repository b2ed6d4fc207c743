"""A backend proves that it runs before it gets requests, which also warms it up."""

from collections.abc import Iterable

import numpy as np

from accelerator_server.backends.base import Backend
from accelerator_server.errors import ModelRefusedError
from accelerator_server.model_spec import ModelSpec


def prove(backend: Backend, spec: ModelSpec, row_counts: Iterable[int]) -> None:
    """Runs a backend on zeros, with each number of rows.

    Raises:
        ModelRefusedError: It fails, or returns something else than the model's outputs.
    """
    for n_rows in row_counts:
        try:
            inputs = {
                tensor.name: np.zeros((n_rows, *tensor.row_shape), tensor.dtype) for tensor in spec.inputs
            }
            spec.check_outputs(backend.run(inputs), n_rows)
        except Exception as error:
            message = f"the model fails on {n_rows} rows of zeros: {error}"
            raise ModelRefusedError(message) from error
