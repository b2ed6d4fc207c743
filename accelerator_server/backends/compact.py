"""Rows of an input in fewer bytes than all their elements have, for devices that expand them themselves."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from accelerator_server.backends.base import Array, Backend


class LitRows(NamedTuple):
    """Rows that are zero but for some elements.

    Attributes:
        positions: int64, (n,), n >= 1: flat positions in all rows of the batch, each at most once.
        values: (n,), element type of the input: what is there.
    """

    positions: NDArray[np.int64]
    values: Array


class ScaledRows(NamedTuple):
    """Rows of whole steps.

    Attributes:
        steps: uint8, (n_rows, ...).
        scales: float32, (n_rows, 1, ...), as many axes: size of a step in each row.
    """

    steps: NDArray[np.uint8]
    scales: NDArray[np.float32]


CompactRows = LitRows | ScaledRows


@runtime_checkable
class ExpandingBackend(Backend, Protocol):
    """A backend that may make rows of their compact form on its device.

    Attributes:
        expands: Whether it does, as it was configured.
    """

    expands: bool

    def run_compact(self, inputs: Mapping[str, Array | CompactRows], n_rows: int) -> Mapping[str, Array]:
        """Computes one batch, as `run` does.

        Args:
            inputs: All inputs by name, each as an array (n_rows, ...) or in a compact form of it.
            n_rows: Rows of the batch, at least 1.

        Returns:
            The same bits as `run` with the rows that the inputs stand for.
        """
        ...


def as_expanding(backend: Backend) -> ExpandingBackend | None:
    """The same backend, if it expands compact rows."""
    return backend if isinstance(backend, ExpandingBackend) and backend.expands else None
