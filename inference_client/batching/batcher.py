"""Joins the requests of all callers into bodies, keeps few bodies under way, and brings rows back."""

import asyncio
from collections import Counter, deque
from collections.abc import Sequence

from inference_client.batching.pacing import departure_wait_s, is_growing
from inference_client.batching.packing import halves, split, take
from inference_client.errors import ClientClosed, InferenceError, RequestRefused
from inference_client.requests.body import Body, Delivered, RequestIds
from inference_client.requests.ticket import Part, Ticket
from inference_client.servers.choice import Server, capacity
from inference_client.servers.courier import Courier
from inference_client.servers.vetting import Vetting

DEFAULT_MAX_ROWS = 64
"""Rows of a body if neither the client nor the server sets a limit."""
TOO_LARGE = 413
_LATENCY_WEIGHT = 0.2


class Batcher:
    """Queues requests and sends them off together.

    Attributes:
        body_rows: How often a body of so many rows was answered.
        sent_bytes, received_bytes: Sizes of all answered bodies.
    """

    def __init__(self, courier: Courier, servers: Sequence[Server], vetting: Vetting, max_rows: int) -> None:
        self.body_rows: Counter[int] = Counter()
        self.sent_bytes = self.received_bytes = 0
        self._courier = courier
        self._servers = servers
        self._vetting = vetting
        self._max_rows = max_rows
        self._ids = RequestIds()
        self._loop = asyncio.get_running_loop()
        # Touched by the loop's thread only.
        self._queue: deque[Part] = deque()
        self._under_way: dict[Body, asyncio.Task[None]] = {}
        self._wake: asyncio.Handle | None = None
        self._has_grown = False  # since the last look at the queue
        self._departed_s = 0.0
        self._shared = 0  # parts of the last body
        self._latency_s = self._server_s = 0.0  # of an exchange, and the server's own part of it

    @property
    def max_rows(self) -> int:
        """Most rows of a body: the smaller of the client's and the servers' limits."""
        model = self._vetting.model
        ours, theirs = self._max_rows, model.parameters.max_rows if model else 0
        return min(ours, theirs) if ours and theirs else ours or theirs or DEFAULT_MAX_ROWS

    @property
    def now_s(self) -> float:
        """Time on the clock of the loop that the batcher runs in."""
        return self._loop.time()

    def submit(self, ticket: Ticket) -> None:
        """Queues a request; requests of the same turn of the loop can share a body."""
        self._queue.extend(split(ticket, self.max_rows))
        self._has_grown = True
        self._wake_soon()

    def asked_for(self, ticket: Ticket) -> list[str]:
        """Addresses of the servers that are asked for rows of a request at present."""
        bodies = (body for body in self._under_way if any(part.ticket is ticket for part in body.parts))
        return sorted({address for body in bodies for address in body.asked})

    def forget(self, ticket: Ticket) -> None:
        """Stops bodies that carried rows for nobody else; queued rows are dropped when their turn comes."""
        for body, task in self._under_way.items():
            if any(part.ticket is ticket for part in body.parts) and not body.is_open:
                task.cancel()

    async def close(self) -> None:
        """Ends everything; whoever still waits gets ClientClosed."""
        if self._wake is not None:
            self._wake.cancel()
        error = ClientClosed("the client was closed before the answer came")
        for part in self._queue:
            part.ticket.fail(error)
        self._queue.clear()
        tasks = list(self._under_way.values())
        for body, task in self._under_way.items():
            body.fail(error)
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _wake_soon(self) -> None:
        if isinstance(self._wake, asyncio.TimerHandle):
            self._wake.cancel()
            self._wake = None
        if self._wake is None:
            self._wake = self._loop.call_soon(self._depart)

    def _depart(self) -> None:
        self._wake = None
        while self._queue:
            now_s = self._loop.time()
            in_flight, slots = len(self._under_way), capacity(self._servers, now_s)
            if in_flight >= slots:
                return
            queued_rows = sum(part.n_rows for part in self._queue if part.ticket.is_open)
            missing = self._shared - len(self._queue)
            if is_growing(queued_rows, self.max_rows, in_flight, self._has_grown, self._server_s, missing):
                self._has_grown = False
                self._wake = self._loop.call_soon(self._depart)
                return
            since_s = now_s - self._departed_s
            wait_s = departure_wait_s(queued_rows, self.max_rows, in_flight, slots, since_s, self._latency_s)
            if wait_s > 0:
                self._wake = self._loop.call_later(wait_s, self._depart)
                return
            parts = take(self._queue, self.max_rows)
            if parts:
                self._departed_s, self._shared = now_s, len(parts)
                self._send(self._body(parts))

    def _body(self, parts: list[Part]) -> Body:
        model = self._vetting.model
        outputs = {tensor.name: tensor for tensor in model.outputs} if model else {}
        return Body(parts, self._vetting.identity, outputs, self._ids)

    def _send(self, body: Body) -> None:
        task = self._loop.create_task(self._carry(body))
        self._under_way[body] = task
        task.add_done_callback(lambda task: self._ended(body, task))

    async def _carry(self, body: Body) -> None:
        try:
            delivered = await self._courier.deliver(body)
        except RequestRefused as refusal:
            if not _can_be_halved(body, refusal):
                raise
        else:
            self._count(body, delivered)
            body.scatter(delivered)
            return
        for half in halves(body.parts):
            await self._carry_half(self._body(half))

    async def _carry_half(self, body: Body) -> None:
        try:
            await self._carry(body)
        except InferenceError as error:
            body.fail(error)

    def _count(self, body: Body, delivered: Delivered) -> None:
        self.body_rows[body.n_rows] += 1
        self.sent_bytes += delivered.reply.sent_bytes
        self.received_bytes += delivered.reply.received_bytes
        said = delivered.reply.response.parameters
        self._latency_s = _recent(self._latency_s, delivered.answer_s - delivered.try_s)
        self._server_s = _recent(self._server_s, 1e-6 * (said.queue_us + said.compute_us))

    def _ended(self, body: Body, task: asyncio.Task[None]) -> None:
        del self._under_way[body]
        if not task.cancelled() and (error := task.exception()) is not None:
            body.fail(error)
        if self._queue:
            self._wake_soon()


def _recent(mean_s: float, latest_s: float) -> float:
    """A mean that forgets; the first value counts in full."""
    return mean_s + (latest_s - mean_s) * (_LATENCY_WEIGHT if mean_s else 1.0)


def _can_be_halved(body: Body, refusal: RequestRefused) -> bool:
    """One caller's bad rows must not spoil the others', and what is too large may fit in two pieces."""
    return len(body.parts) > 1 or (refusal.status == TOO_LARGE and body.n_rows > 1)
