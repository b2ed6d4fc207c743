"""Our own dialect: one msgpack map, tensors as bytes in it."""

from collections.abc import Mapping

from accelerator_server.http.dialects.base import Answer, Reply
from inference_client.protocol import codec, headers
from inference_client.protocol.messages import ErrorBody, InferenceRequest, InferenceResponse


class MsgpackDialect:
    """Bodies as `inference_client.protocol.codec` reads and writes them."""

    def decode(self, body: bytes, _headers: Mapping[str, str]) -> tuple[InferenceRequest, Answer]:
        """Decodes a request.

        Raises:
            ProtocolError: The body is not one.
        """
        return codec.decode_request(body), _answer

    def encode_error(self, error: ErrorBody) -> Reply:
        """Encodes a refusal."""
        return Reply(codec.encode_error(error), headers.MSGPACK)


def _answer(response: InferenceResponse) -> Reply:
    return Reply(codec.encode_response(response), headers.MSGPACK)
