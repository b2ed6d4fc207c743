"""What a server and a worker say to each other; each message is one packet of a socket."""

import struct
from typing import Any

import msgspec
from msgspec import Struct

from accelerator_server.model_spec import ModelSpec

BATCH = struct.Struct("<I")
"""Run so many rows of the lane; how its compact inputs lie in memory comes after it (`compact_memory`)."""

MAX_BATCH_BYTES = 2048

COMPUTED, FAILED, LOST = b"+", b"-", b"!"
"""First byte of the answer: the outputs are there, the backend failed, its device is lost.

After it comes the device's name, or what the backend said.
"""

MAX_ANSWER_BYTES = 2048
MAX_LANES_AT_ONCE = 200
"""Linux passes at most 253 descriptors with one message (SCM_MAX_FD)."""


class Order(Struct, frozen=True):
    """What a worker is told to load.

    Attributes:
        backend: Name of the backend.
        backends: The table of backends as the server has it, so that both mean the same.
        spec: Signature of the model.
        precision: Arithmetic asked for.
        parameters: The backend's parameters.
        in_use: Devices that the server's other workers use.
    """

    backend: str
    backends: dict[str, str]
    spec: ModelSpec
    precision: str
    parameters: dict[str, Any]
    in_use: list[str] = []


class Loaded(Struct, frozen=True, tag=True):
    """The model is loaded: what a backend says of itself."""

    device: str
    precision: str
    depth: int
    expands: bool = False


class Refused(Struct, frozen=True, tag=True):
    """The model cannot be loaded: an error's exit code and text."""

    exit_code: int
    text: str


class Lanes(Struct, frozen=True):
    """How many lanes the worker serves; the descriptors of their memory and sockets follow."""

    n_lanes: int


def decode_start(message: bytes) -> Loaded | Refused:
    """Reads the first message of a worker."""
    return msgspec.msgpack.decode(message, type=Loaded | Refused)
