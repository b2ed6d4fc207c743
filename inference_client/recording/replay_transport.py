"""A way to no server: answers from a recording, for tests and jobs without a network."""

import logging
from pathlib import Path

from inference_client.errors import RecordingError, UnknownModelError
from inference_client.protocol.codec import encode_request, encode_response
from inference_client.protocol.messages import ModelMetadata, ServerMetadata
from inference_client.recording.recorded_answers import RecordedAnswers
from inference_client.recording.recording import Recording
from inference_client.transport.replies import check_reply
from inference_client.transport.transport import InferenceCall, Reply

_LOG = logging.getLogger(__name__)

REPLAY_ADDRESS = "http://recording:1"
"""Stands for a server's address where there is none."""


class Replay:
    """A recording that is ready to answer; its `connect` is what InferenceClient takes.

    Args:
        path: The recording.

    Raises:
        RecordingError: It cannot be read, or tells of no server.
    """

    def __init__(self, path: str | Path) -> None:
        with Recording(path) as recording:
            if recording.shortfall:
                _LOG.warning("recording %s: %s", path, recording.shortfall)
            if not recording.servers:
                message = f"recording {path} holds no server: no client was started while it was made"
                raise RecordingError(message)
            self.path = recording.path
            self.server = next(iter(recording.servers.values()))
            self.models = dict(recording.models)
            self.answers = RecordedAnswers(recording)

    def connect(self, address: str) -> "ReplayTransport":
        """A way to the recording."""
        return ReplayTransport(self, address)


class ReplayTransport:
    """Answers at once, with the recorded answer to each row; made by `Replay.connect`."""

    def __init__(self, replay: Replay, address: str) -> None:
        self._replay = replay
        self._address = address

    @property
    def address(self) -> str:
        """The address that the client thinks it asks."""
        return self._address

    async def read_server_metadata(self, timeout_s: float) -> ServerMetadata:  # noqa: ARG002 - no waiting here
        """What the recorded server said of itself."""
        return self._replay.server

    async def read_model_metadata(self, name: str, version: str, timeout_s: float) -> ModelMetadata:  # noqa: ARG002
        """What the recorded server said of the model.

        Raises:
            UnknownModelError: The recording knows no such model or version.
        """
        known = self._replay.models
        found = known.get((name, version)) or next(
            (model for (other, _), model in known.items() if other == name and version in model.versions),
            None,
        )
        if found is None:
            there = ", ".join(sorted(f"{name} {version}".rstrip() for name, version in known)) or "none"
            message = (
                f"recording {self._replay.path} knows no model {f'{name} {version}'.rstrip()!r}, only {there}"
            )
            raise UnknownModelError(message)
        return found

    async def infer(self, call: InferenceCall, timeout_s: float) -> Reply:  # noqa: ARG002
        """The recorded answer.

        Raises:
            RecordingError: A row was not recorded.
            BadReply: The answer is not by the model that was asked for.
        """
        response = self._replay.answers.find(call)
        check_reply(call, response, self._address)
        return Reply(response, len(encode_request(call.request)), len(encode_response(response)), 0.0)

    async def close(self) -> None:
        """There is nothing to close."""
