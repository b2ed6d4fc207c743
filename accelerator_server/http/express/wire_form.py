"""A reply as the bytes that HTTP/1.1 sends."""

import functools
import http
import time
from email.utils import formatdate

from accelerator_server.http.replies import HttpReply


def head_of(reply: HttpReply, *, closes: bool) -> bytes:
    """Status line and headers of a reply.

    Args:
        reply: Its headers hold nothing that was not checked to be printable.
        closes: Whether the client is told that the connection ends with it.
    """
    lines = [_status_line(reply.status)]
    lines += [f"{name}: {value}" for name, value in reply.headers.items()]
    lines.append(f"Content-Length: {len(reply.body)}\r\nDate: {_date(int(time.time()))}")
    lines.append("Connection: close\r\n\r\n" if closes else "\r\n")
    return "\r\n".join(lines).encode("ascii")


@functools.cache
def _status_line(status: int) -> str:
    return f"HTTP/1.1 {status} {http.HTTPStatus(status).phrase}"


@functools.lru_cache(1)
def _date(now_s: int) -> str:
    return formatdate(now_s, usegmt=True)
