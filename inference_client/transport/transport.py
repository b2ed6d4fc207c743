"""The interface between a client and one server: one question, one answer, no second try."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from inference_client.protocol.messages import (
    InferenceRequest,
    InferenceResponse,
    ModelMetadata,
    ServerMetadata,
    TensorMetadata,
)


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """Which model must have answered.

    Attributes:
        name: Name of the model.
        version: Version asked for; empty leaves it to the server.
        sha256: Digest of the model file; empty if the servers do not announce it.
        image_spec_hash: Hash of the image specification; empty if there is none.
    """

    name: str
    version: str = ""
    sha256: str = ""
    image_spec_hash: str = ""


@dataclass(frozen=True, slots=True)
class InferenceCall:
    """One body for one server.

    Attributes:
        request: What to send; its id is the same in every retry.
        model: Which model to ask, and which one must have answered.
        n_rows: Rows of the request, and of every output.
        outputs: The outputs that the reply must hold, as the model's metadata has them.
    """

    request: InferenceRequest
    model: ModelIdentity
    n_rows: int
    outputs: Mapping[str, TensorMetadata]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that passed every check that can be made without knowing the physics.

    Attributes:
        response: The message.
        sent_bytes: Size of the request's body.
        received_bytes: Size of the reply's body.
        encode_s: Time spent on making the request's body.
    """

    response: InferenceResponse
    sent_bytes: int
    received_bytes: int
    encode_s: float


class Transport(Protocol):
    """A way to one server.

    Every method makes one exchange and raises TryFailed where another one may succeed, ConfigurationError or
    RequestRefused where none will.
    """

    @property
    def address(self) -> str:
        """The server's address, for messages and records."""

    async def read_server_metadata(self, timeout_s: float) -> ServerMetadata:
        """Asks what the server is and which dialects it speaks."""

    async def read_model_metadata(self, name: str, version: str, timeout_s: float) -> ModelMetadata:
        """Asks for a model's signature; an empty version means the server's choice."""

    async def infer(self, call: InferenceCall, timeout_s: float) -> Reply:
        """Sends one body and waits for its answer, which is checked against the call."""

    async def close(self) -> None:
        """Gives connections back; exchanges under way fail."""
