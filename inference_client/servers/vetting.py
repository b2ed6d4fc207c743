"""Admits servers: checks that they speak a dialect of ours and serve the model wanted, all the same one."""

from inference_client.configuration import ClientConfiguration
from inference_client.errors import ModelMismatchError
from inference_client.protocol.messages import ModelMetadata
from inference_client.signature import ModelExpectation, check_model
from inference_client.transport.dialects import dialect_of
from inference_client.transport.transport import ModelIdentity, Transport


class Vetting:
    """Remembers the model of the first server admitted; every later one must have the same.

    Attributes:
        model: The model's signature; None until a server was admitted. Its `max_rows` is the smallest of all
            servers', its `encodings` are those that all accept.
        identity: What replies must come from.
    """

    def __init__(self, configuration: ClientConfiguration, expectation: ModelExpectation) -> None:
        self.model: ModelMetadata | None = None
        self.identity = ModelIdentity(configuration.model_name, configuration.model_version)
        self._expectation = expectation

    async def vet(self, transport: Transport, timeout_s: float) -> None:
        """Admits a server.

        Args:
            transport: The way to it.
            timeout_s: Time for each question.

        Raises:
            TryFailed: It did not answer.
            ConfigurationError: It is the wrong server, or serves the wrong model.
        """
        dialect_of(await transport.read_server_metadata(timeout_s), transport.address)
        model = await transport.read_model_metadata(self.identity.name, self.identity.version, timeout_s)
        version = self.identity.version or latest_version(model.versions)
        if not self.identity.version and len(model.versions) > 1:
            model = await transport.read_model_metadata(self.identity.name, version, timeout_s)
        check_model(self._expectation, model, transport.address)
        self._admit(model, version, transport.address)

    def _admit(self, model: ModelMetadata, version: str, server: str) -> None:
        found = ModelIdentity(
            self.identity.name, version, model.parameters.sha256, model.parameters.image_spec_hash
        )
        if self.model is None:
            self.model, self.identity = model, found
            return
        if found != self.identity or model.inputs != self.model.inputs or model.outputs != self.model.outputs:
            message = f"{server} serves {found}, the servers before it {self.identity}"
            raise ModelMismatchError(message)
        known, other = self.model.parameters, model.parameters
        known.encodings = [encoding for encoding in known.encodings if encoding in other.encodings]
        known.max_rows = min(known.max_rows or other.max_rows, other.max_rows or known.max_rows)


def latest_version(versions: list[str]) -> str:
    """The largest of a model's versions; empty if it has none that are numbers."""
    numbers = [int(version) for version in versions if version.isdecimal()]
    return str(max(numbers)) if numbers else ""
