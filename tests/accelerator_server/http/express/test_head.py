"""What goes the short way, and what does not: anything that is not quite an ordinary inference request."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from accelerator_server.http.express.head import read_head

LINES = b"Host: a\r\nContent-Type: application/msgpack\r\nContent-Length: 12\r\n\r\n"
HEAD = b"POST /v2/models/m/infer HTTP/1.1\r\n" + LINES


def with_line(line: bytes) -> bytes:
    return HEAD.replace(b"Host: a\r\n", b"Host: a\r\n" + line + b"\r\n")


def test_an_ordinary_head_is_read():
    head = read_head(HEAD)
    assert (head.path, head.model, head.version) == ("/v2/models/m/infer", "m", "")
    assert head.headers["content-TYPE"] == "application/msgpack"
    assert (head.body_bytes, head.keep_alive) == (12, True)


def test_a_version_and_the_end_of_the_connection_are_seen():
    head = read_head(with_line(b"Connection: close").replace(b"/m/infer", b"/a.b-c_9/versions/12/infer"))
    assert (head.model, head.version, head.keep_alive) == ("a.b-c_9", "12", False)


@pytest.mark.parametrize(
    "head",
    [
        HEAD.replace(b"POST", b"PUT"),
        HEAD.replace(b"POST", b"post"),
        HEAD.replace(b"/infer", b"/ready"),
        HEAD.replace(b"/infer", b"/infer?a=1"),
        HEAD.replace(b"/infer", b"/infer/"),
        HEAD.replace(b"/m/", b"/%6d/"),
        HEAD.replace(b"/m/", b"/../"),
        HEAD.replace(b"/m/infer", b"/m/versions/0/infer"),
        HEAD.replace(b"/v2", b"http://a/v2"),
        HEAD.replace(b"1.1", b"1.0"),
        HEAD.replace(b"Content-Length: 12\r\n", b""),
        HEAD.replace(b"12", b"-1"),
        HEAD.replace(b"12", b"1_2"),
        HEAD.replace(b"12", b"0" * 5000 + b"12"),
        HEAD.replace(b"12", b"0"),
        HEAD.replace(b"12", "١٢".encode()),
        with_line(b"Content-Length: 13"),
        with_line(b"Transfer-Encoding: chunked"),
        with_line(b"Transfer-encoding: identity"),
        with_line(b"Content-Encoding: gzip"),
        with_line(b"Expect: 100-continue"),
        with_line(b"Upgrade: h2c\r\nConnection: upgrade"),
        with_line(b" folded: 1"),
        with_line(b"Blank : 1"),
        with_line("X-Client-Id: é".encode()),
        with_line(b"X-Client-Id: a\x00b"),
        with_line(b"X-Client-Id: a\nEvil: b"),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    ],
)
def test_what_is_out_of_the_ordinary_is_left_to_aiohttp(head):
    assert read_head(head) is None


@given(st.binary(max_size=30), st.integers(0, len(HEAD)), st.integers(0, 30))
@example(b"\r\n\r\n", 20, 0)
def test_whatever_is_done_to_a_head_it_is_read_or_not_and_never_with_a_line_break(junk, at, removed):
    head = read_head(HEAD[:at] + junk + HEAD[at + removed :])
    if head is not None:
        assert head.body_bytes >= 0
        assert not any(set(value) & {"\r", "\n", "\0"} for value in head.headers.values())
