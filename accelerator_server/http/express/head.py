"""Recognises the head of an ordinary inference request; whatever is out of the ordinary is not recognised."""

import re
from typing import NamedTuple

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from multidict import CIMultiDict

BEGINNING = b"POST /v2/models/"
"""What an inference request begins with."""

END = b"\r\n\r\n"
"""What a head ends with."""

MAX_HEAD_BYTES = 8192
"""Of a longer head aiohttp judges."""

_TARGET = re.compile(rb"/v2/models/([A-Za-z0-9_][A-Za-z0-9_.-]{0,63})(?:/versions/([1-9][0-9]{0,17}))?/infer")

_LENGTH = re.compile(r"[1-9][0-9]{0,17}")
"""Of a body. After a request without one the parser no longer knows whether the connection is to be kept."""

_OUT_OF_THE_ORDINARY = {b"content-encoding", b"expect", b"transfer-encoding", b"upgrade"}
"""Headers that change what follows the head, or what must be done before it does."""


class Head(NamedTuple):
    """The head of a request for `/v2/models/{model}[/versions/{version}]/infer` with a body of known length.

    Attributes:
        path: As it was sent.
        model: Name in it.
        version: Version in it; empty for the newest.
        headers: By name, in any case.
        body_bytes: Length of the body.
        keep_alive: Whether the client may send more over the same connection.
    """

    path: str
    model: str
    version: str
    headers: CIMultiDict[str]
    body_bytes: int
    keep_alive: bool


class _Found:
    """What the parser calls."""

    def __init__(self) -> None:
        self.target = b""
        self.headers: list[tuple[str, str]] = []
        self.is_ordinary = True

    def on_url(self, target: bytes) -> None:
        self.target += target

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.decode("ascii"), value.decode("ascii")))
        if name.lower() in _OUT_OF_THE_ORDINARY:
            self.is_ordinary = False


def read_head(data: bytes) -> Head | None:
    """Reads a head.

    Args:
        data: From the first byte of the request line to the empty line.

    Returns:
        None if this is anything but an ordinary inference request, broken ones included.
    """
    if not data.startswith(BEGINNING):
        return None
    found = _Found()
    parser = HttpRequestParser(found)
    try:
        parser.feed_data(data)
    except (HttpParserError, HttpParserUpgrade):
        return None
    target = _TARGET.fullmatch(found.target)
    headers = CIMultiDict(found.headers)
    length = headers.get("Content-Length", "")
    if (
        not found.is_ordinary
        or target is None
        or not _LENGTH.fullmatch(length)
        or parser.get_http_version() != "1.1"
    ):
        return None
    model, version = target.groups(b"")
    return Head(
        path=found.target.decode(),
        model=model.decode(),
        version=version.decode(),
        headers=headers,
        body_bytes=int(length),
        keep_alive=parser.should_keep_alive(),
    )
