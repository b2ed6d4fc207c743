"""What a dialect does: bytes to a request and the way to answer it, an error to bytes."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple, Protocol

from inference_client.protocol.messages import ErrorBody, InferenceRequest, InferenceResponse


class Reply(NamedTuple):
    """A body and the headers that describe it.

    Attributes:
        body: What is sent.
        content_type: Its type.
        headers: Others that the dialect wants.
    """

    body: bytes
    content_type: str
    headers: Mapping[str, str] = MappingProxyType({})


Answer = Callable[[InferenceResponse], Reply]
"""Encodes the response in the form that the request asked for."""


class Dialect(Protocol):
    """One form of inference bodies; called by the event loop, so nothing may take long."""

    def decode(self, body: bytes, headers: Mapping[str, str]) -> tuple[InferenceRequest, Answer]:
        """Decodes a request.

        Raises:
            ProtocolError: The body is not one.
            RefusedRequestError: A header says nothing that makes sense.
        """
        ...

    def encode_error(self, error: ErrorBody) -> Reply:
        """Encodes a refusal."""
        ...
