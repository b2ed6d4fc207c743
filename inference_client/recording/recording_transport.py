"""A way to a server that keeps every message that goes over it."""

from inference_client.protocol.messages import ModelMetadata, ServerMetadata
from inference_client.recording.recorder import Recorder
from inference_client.transport.transport import InferenceCall, Reply, Transport


class RecordingTransport:
    """Passes everything on to another transport, and the messages to a recorder."""

    def __init__(self, transport: Transport, recorder: Recorder) -> None:
        self._transport = transport
        self._recorder = recorder

    @property
    def address(self) -> str:
        """The server's address."""
        return self._transport.address

    async def read_server_metadata(self, timeout_s: float) -> ServerMetadata:
        """Asks what the server is.

        Raises:
            InferenceError: As the other transport raises.
        """
        metadata = await self._transport.read_server_metadata(timeout_s)
        self._recorder.server(self.address, metadata)
        return metadata

    async def read_model_metadata(self, name: str, version: str, timeout_s: float) -> ModelMetadata:
        """Asks for a model's signature.

        Raises:
            InferenceError: As the other transport raises.
        """
        metadata = await self._transport.read_model_metadata(name, version, timeout_s)
        self._recorder.model(self.address, version, metadata)
        return metadata

    async def infer(self, call: InferenceCall, timeout_s: float) -> Reply:
        """Sends one body and waits for its answer.

        Raises:
            InferenceError: As the other transport raises.
        """
        number = self._recorder.request(self.address, call)
        try:
            reply = await self._transport.infer(call, timeout_s)
        except BaseException as error:
            self._recorder.no_reply(number, error)
            raise
        self._recorder.reply(number, reply.response)
        return reply

    async def close(self) -> None:
        """Closes the other transport; the recorder stays open."""
        await self._transport.close()
