"""One batch in flight on a device: where its inputs are written, and what runs it there."""

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from accelerator_server.backends.base import Array, Backend
from accelerator_server.backends.compact import CompactRows, as_expanding
from accelerator_server.model_spec import ModelSpec

NONE_COMPACT: Mapping[str, CompactRows] = {}


class Lane(Protocol):
    """A batch buffer and the device that reads it; used by one thread at a time.

    Attributes:
        buffers: All inputs by name, (max_rows, ...), C order; zero until who runs the lane writes them.
        is_near: Whether it computes in this process; others can hang without end, and only threads run them.
        takes_compact: Whether `run` takes inputs in their compact form.
    """

    buffers: Mapping[str, Array]
    is_near: bool
    takes_compact: bool

    @property
    def device(self) -> str:
        """What computes."""
        ...

    @property
    def is_usable(self) -> bool:
        """Whether a batch can be run now."""
        ...

    @property
    def is_lost(self) -> bool:
        """Whether it is not known if a batch can ever be run again."""
        ...

    def wait_until_usable(self, timeout_s: float | None = None) -> bool:
        """Waits until a batch can be run; returns whether it can, which it never can after a close."""
        ...

    def run(
        self, n_rows: int, *, alone: bool = False, compact: Mapping[str, CompactRows] = NONE_COMPACT
    ) -> Mapping[str, Array]:
        """Computes the first rows of the buffers.

        Args:
            n_rows: How many.
            alone: Whether no other batch may be on the device's process meanwhile.
            compact: Inputs whose rows are not in their buffer but here; only if it takes them.

        Returns:
            All outputs by name, (n_rows, ...); they belong to the caller.

        Raises:
            WorkerDiedError: The process of the device ended, or is not there.
            Exception: The backend failed.
        """
        ...


class LocalLane:
    """A lane of a backend in this process.

    Args:
        backend: Loaded model.
        spec: Its signature.
    """

    is_near = True
    is_usable = True
    is_lost = False

    def __init__(self, backend: Backend, spec: ModelSpec) -> None:
        self._backend = backend
        self.device = backend.device
        self._expanding = as_expanding(backend)
        self.takes_compact = self._expanding is not None
        self.buffers: Mapping[str, Array] = {
            tensor.name: np.zeros((spec.max_rows, *tensor.row_shape), tensor.dtype) for tensor in spec.inputs
        }

    def wait_until_usable(self, timeout_s: float | None = None) -> bool:  # noqa: ARG002 - it never waits
        """It always is."""
        return True

    def run(
        self,
        n_rows: int,
        *,
        alone: bool = False,  # noqa: ARG002 - no process
        compact: Mapping[str, CompactRows] = NONE_COMPACT,
    ) -> Mapping[str, Array]:
        """Runs the backend in the caller's thread."""
        inputs = {name: buffer[:n_rows] for name, buffer in self.buffers.items()}
        if self._expanding is not None and compact:
            return self._expanding.run_compact({**inputs, **compact}, n_rows)
        return self._backend.run(inputs)
