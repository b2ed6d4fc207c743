"""FallbackCheck: measures on the first rows of a job how far a fallback's answers are from the servers'."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from inference_client.agreement import Agreement, compare_outputs
from inference_client.client import InferenceClient
from inference_client.errors import ServersUnavailable
from inference_client.protocol.messages import InferenceRequest
from inference_client.result import InferenceResult

_LOG = logging.getLogger("eventproc.InferenceService")

MEASURED_ROWS = 32
"""Enough to see another precision or another file, and few enough to keep and to ask again."""


@dataclass(frozen=True, slots=True)
class FallbackPolicy:
    """When a fallback's answers may stand in for the servers'.

    Attributes:
        tolerance: largest difference of any output; another order of additions makes 1e-6, bfloat16 1e-2.
        refuses: a fallback that differs by more is not used; else it is used with a warning.
        timeout_share: part of a model's timeout in which servers are not waited for any more. It is half, as
            every try gets half of what is left: a fallback is slower than the servers, and has to answer all
            that was under way to them.
    """

    tolerance: float = 0.01
    refuses: bool = True
    timeout_share: float = 0.5

    def servers_time_s(self, timeout_s: float) -> float:
        """What the servers get of a timeout."""
        return timeout_s * (1.0 - self.timeout_share)


class FallbackCheck:
    """Keeps the first questions that the servers answered, for the fallback to answer too.

    Attributes:
        agreement: what was measured; None before the fallback was needed, or where no server ever answered.
        refusal: why the fallback is not used; empty if it may be.
    """

    def __init__(self, policy: FallbackPolicy) -> None:
        self.agreement: Agreement | None = None
        self.refusal = ""
        self._policy = policy
        self._kept: list[tuple[InferenceRequest, dict[str, npt.NDArray[np.generic]]]] = []
        self._rows_left = MEASURED_ROWS

    def remember(self, request: InferenceRequest, result: InferenceResult) -> None:
        """Keeps a question and its answer, until there are enough."""
        if self._rows_left > 0 and (n_rows := request.inputs[0].shape[0]):
            self._rows_left -= n_rows
            self._kept.append((request, {name: values.copy() for name, values in result.outputs.items()}))

    async def measure(self, fallback: InferenceClient) -> None:
        """Asks the fallback what the servers were asked.

        Raises:
            ServersUnavailable: its answers differ by more than the policy allows.
            InferenceError: it does not answer.
        """
        kept = list(self._kept)  # servers may answer more meanwhile
        if not kept:
            return
        # All at once: an event waits for this.
        results = await asyncio.gather(*(fallback.infer(request) for request, _ in kept))
        compared = zip(kept, results, strict=True)
        found = sum((compare_outputs(own, one.outputs) for (_, own), one in compared), start=Agreement())
        self.agreement = found
        told = (
            f"the fallback differs from the servers by up to {found.largest:.3g} on {found.rows} rows of "
            f"model {fallback.configuration.model_name!r}"
        )
        # Not "larger than", so that no number passes by being none.
        if found.largest <= self._policy.tolerance:
            _LOG.info("%s", told)
            return
        message = f"{told}, over the tolerance of {self._policy.tolerance:g}"
        if self._policy.refuses:
            self.refusal = (
                f"{message}; fallback.tolerance or fallback.onDisagreement = 'warn' would let it answer"
            )
            raise ServersUnavailable(self.refusal)
        _LOG.warning("%s", message)
