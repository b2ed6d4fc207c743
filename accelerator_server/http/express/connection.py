"""A connection whose inference requests go the short way; the first other request gives it to aiohttp."""

import asyncio
import time
from typing import Protocol, cast

from accelerator_server.errors import SlowBodyError
from accelerator_server.http.access_log import log_access, since_us
from accelerator_server.http.body import check_digest
from accelerator_server.http.express.head import BEGINNING, END, MAX_HEAD_BYTES, Head, read_head
from accelerator_server.http.express.wire_form import head_of
from accelerator_server.http.inference_service import Begun, Call, InferenceService, Visit
from accelerator_server.http.replies import HttpReply, http_reply, reply_to_error
from accelerator_server.state import ServerState
from inference_client.protocol import headers

LINGER_S = 1.0
"""Time to read on after a refusal, so that the client gets to read it before the connection is closed."""


class Owner(Protocol):
    """What a connection asks of the server."""

    state: ServerState
    service: InferenceService

    def came(self, connection: "ExpressConnection") -> None:
        """A connection is open."""
        ...

    def left(self, connection: "ExpressConnection") -> None:
        """It is closed, or another protocol has it."""
        ...

    def is_alone(self, connection: "ExpressConnection") -> bool:
        """Whether no other connection's request came just before the one that has come now."""
        ...

    @property
    def is_full(self) -> bool:
        """Whether more connections are open than are served."""
        ...

    def other_protocol(self) -> asyncio.Protocol:
        """Who serves what is not served here."""
        ...


class ExpressConnection(asyncio.Protocol):
    """Reads requests one after another and answers each before it looks at the next.

    Before the body of a request nothing is refused here: what may not come in is given to aiohttp, which
    refuses it as it does everywhere.

    Args:
        owner: The server.
    """

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._loop = asyncio.get_running_loop()
        self._config = owner.state.config
        self._transport: asyncio.Transport | None = None
        self._remote: str | None = None
        self.quiet_since_s = self._loop.time()
        self._watch: asyncio.TimerHandle | None = None  # looks whether it was quiet for too long
        self._unread = b""  # a head that is not whole, or what came while a request was answered
        self._request: _Request | None = None  # its head has come
        self._task: asyncio.Task[None] | None = None  # so has its body
        self._is_reader_slow = False
        self._closes = False

    @property
    def is_idle(self) -> bool:
        """Whether no request is being received or answered."""
        return self._request is None

    @property
    def is_open(self) -> bool:
        """Whether it was not closed from here."""
        return self._transport is not None and not self._transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are of no class of asyncio's
        peer = transport.get_extra_info("peername")
        self._remote = peer[0] if isinstance(peer, tuple) else None
        self._watch = self._loop.call_later(self._config.keepalive_s, self._look)
        self._owner.came(self)

    def connection_lost(self, _error: Exception | None) -> None:
        """Called by the event loop: nobody is there to be answered."""
        self._end()
        request, task = self._request, self._task
        self._request = self._task = None
        if task is not None:
            task.cancel()
        if request is not None:
            request.end()
            self._owner.state.metrics.count_client_gone()

    def pause_writing(self) -> None:
        """Called by the event loop: the client does not take its answers."""
        self._is_reader_slow = True

    def resume_writing(self) -> None:
        """Called by the event loop."""
        self._is_reader_slow = False
        # Not here: asyncio's transport is in the middle of writing, and does not expect to be closed by this.
        self._loop.call_soon(self._go_on)

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        if self._closes and self._request is None:
            return  # the last answer was sent
        if self._task is not None or self._is_reader_slow:
            self._unread += data  # of a request that was sent before this one was answered
            if self._transport is not None:
                self._transport.pause_reading()
        elif self._request is not None:
            self._take_body(self._request, data)
        else:
            self._take_head(self._unread + data if self._unread else data)

    def close(self) -> None:
        """Closes the connection, once the request that it has begun is answered."""
        self._closes = True
        if self._request is None and self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Closes the connection at once; a request that it has begun is not answered."""
        if self._transport is not None:
            self._transport.abort()

    def _take_head(self, data: bytes) -> None:
        self._unread = b""
        end = data.find(END) + len(END)
        if end < len(END):
            if len(data) > MAX_HEAD_BYTES or not (data.startswith(BEGINNING) or BEGINNING.startswith(data)):
                self._give_away(data)
            else:
                self._unread = data
            return
        head = read_head(data[:end]) if end <= MAX_HEAD_BYTES else None
        request = self._let_in(head) if head is not None else None
        if request is None:
            self._give_away(data)
            return
        self._request = request
        self._take_body(request, data[end:])

    def _let_in(self, head: Head) -> "_Request | None":
        """Lets a request in, or leaves it to aiohttp to refuse it."""
        owner = self._owner
        if owner.is_full or head.body_bytes > self._config.max_body_bytes:
            return None
        try:
            client = owner.state.authentication.name_by_token(head.headers, self._remote)
            call = Call(head.model, head.version, head.headers, head.body_bytes, client)
            return _Request(head, call, owner.service.enter(call))
        except Exception:  # noqa: BLE001 - aiohttp comes upon the same, logs what is not foreseen, and answers
            return None

    def _take_body(self, request: "_Request", data: bytes) -> None:
        missing_bytes = request.take(data)
        if missing_bytes > 0:
            if request.timer is None:
                request.timer = self._loop.call_later(self._config.body_timeout_s, self._body_is_late)
            return
        if request.timer is not None:
            request.timer.cancel()
        if missing_bytes < 0:
            self._unread = data[missing_bytes:]
        self._begin(request)

    def _begin(self, request: "_Request") -> None:
        service = self._owner.service
        try:
            body = request.body()
            check_digest(body, request.head.headers)
            begun = service.begin(request.call, request.visit, body)
            answer = service.reply_at_once(begun) if self._owner.is_alone(self) else None
            reply = None if answer is None else http_reply(answer, request.head.headers)
        except Exception as error:  # noqa: BLE001 - what is not foreseen is logged and answered with 500
            self._fail(request, error)
            return
        if reply is None:
            self._task = self._loop.create_task(self._answer(request, begun))
        else:
            self._succeed(request, reply)

    async def _answer(self, request: "_Request", begun: Begun) -> None:
        try:
            reply = http_reply(await self._owner.service.reply(begun), request.head.headers)
        except Exception as error:  # noqa: BLE001 - as before
            self._fail(request, error)
        else:
            self._succeed(request, reply)

    def _succeed(self, request: "_Request", reply: HttpReply) -> None:
        request.visit.end()
        self._owner.state.metrics.successes.inc()
        self._send(request, reply)

    def _fail(self, request: "_Request", error: Exception) -> None:
        request.visit.end(error)
        reply = reply_to_error(error, request.head.headers, f"POST {request.head.path}", request.call.id)
        self._owner.state.metrics.count_refusal(reply.status, reply.code)
        self._send(request, reply)

    def _body_is_late(self) -> None:
        request = self._request
        if request is None or self._transport is None:
            return
        message = f"the body did not arrive within {self._config.body_timeout_s:g} s"
        self._fail(request, SlowBodyError(message))

    def _send(self, request: "_Request", reply: HttpReply) -> None:
        transport = self._transport
        self._request = self._task = None
        if transport is None or transport.is_closing():
            return
        draining = self._owner.state.admission.draining
        self._closes = self._closes or reply.closes or draining or not request.head.keep_alive
        # Not by writelines: before 3.12.9 asyncio's never says that the reader is slow (CVE-2024-12254).
        transport.write(head_of(reply, closes=self._closes) + reply.body)
        if self._config.access_log:
            self._log(request, reply)
        self.quiet_since_s = self._loop.time()
        if self._closes:
            self._hang_up(transport, request)
        elif self._unread:
            self._loop.call_soon(self._go_on)  # not here: a thousand requests sent ahead would be as deep

    def _hang_up(self, transport: asyncio.Transport, request: "_Request") -> None:
        if request.has_come:
            transport.close()
            return
        # What is closed with bytes unread is reset, and a client that still sends would not see its answer.
        if transport.can_write_eof():
            transport.write_eof()
        if self._watch is not None:
            self._watch.cancel()
        self._watch = self._loop.call_later(LINGER_S, transport.close)

    def _go_on(self) -> None:
        """Looks at what came while a request was answered."""
        if self._request is None and not self._closes and not self._is_reader_slow and self._transport:
            self._transport.resume_reading()
            if self._unread:
                self._take_head(self._unread)

    def _give_away(self, data: bytes) -> None:
        """Lets aiohttp have the connection from here on, and what it has not seen."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        self._end()
        other = self._owner.other_protocol()
        transport.set_protocol(other)
        other.connection_made(transport)
        other.data_received(data)

    def _look(self) -> None:
        """Closes the connection if it was quiet for too long."""
        quiet_until_s = self.quiet_since_s + self._config.keepalive_s
        if self._request is None and self._loop.time() >= quiet_until_s:
            self.close()
            return
        look_again_s = max(quiet_until_s, self._loop.time() + 0.1 * self._config.keepalive_s)
        self._watch = self._loop.call_at(look_again_s, self._look)

    def _end(self) -> None:
        self._transport = None
        if self._watch is not None:
            self._watch.cancel()
        self._owner.left(self)

    def _log(self, request: "_Request", reply: HttpReply) -> None:
        log_access(
            client=self._remote,
            method="POST",
            path=request.head.path,
            status=reply.status,
            received_bytes=request.head.body_bytes,
            sent_bytes=len(reply.body),
            duration_us=since_us(request.began_ns),
            request_id=request.head.headers.get(headers.REQUEST_ID, ""),
        )


class _Request:
    """A request from its head to its answer."""

    __slots__ = ("_missing_bytes", "_pieces", "began_ns", "call", "head", "timer", "visit")

    def __init__(self, head: Head, call: Call, visit: Visit) -> None:
        self.head = head
        self.call = call
        self.visit = visit
        self.began_ns = time.perf_counter_ns()
        self.timer: asyncio.TimerHandle | None = None  # for its body to come
        self._pieces: list[bytes] = []
        self._missing_bytes = head.body_bytes

    def take(self, data: bytes) -> int:
        """Takes what came of its body; returns how much is missing, negative for what belongs to the next."""
        missing_bytes = self._missing_bytes
        self._pieces.append(data if len(data) <= missing_bytes else data[:missing_bytes])
        self._missing_bytes -= len(data)
        return self._missing_bytes

    @property
    def has_come(self) -> bool:
        """Whether nothing of its body is missing."""
        return self._missing_bytes <= 0

    def body(self) -> bytes:
        """The whole of it."""
        return self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)

    def end(self) -> None:
        """Nobody waits for its answer."""
        self.visit.leave()
        if self.timer is not None:
            self.timer.cancel()
