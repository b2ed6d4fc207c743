"""Event and EventView: the products of one collision, to read and write, or only to read."""

from __future__ import annotations

from typing import TypeVar

from eventproc.errors import ProductNotFound
from eventproc.model.event_id import EventID
from eventproc.model.principal import LuminosityBlock, Principal, ReadSlot, reads_nothing
from eventproc.model.product import Product
from eventproc.model.token import Token
from eventproc.model.transition import BranchType

__all__ = ["Event", "EventView", "ReadSlot"]

T = TypeVar("T", bound=Product)


class EventView(Principal):
    """What a module may read of an event.

    Attributes:
        id: run, luminosity block and event number.
        index: position in the job's input, from 0; output is written in this order.
        stream: number of the stream that processes it.
    """

    __slots__ = ("_lumi", "id", "index", "stream")

    def __init__(
        self,
        event_id: EventID,
        index: int,
        stream: int,
        n_slots: int,
        read: ReadSlot = reads_nothing,
        lumi: LuminosityBlock | None = None,
    ) -> None:
        self._products: list[Product | None] = [None] * n_slots
        self._read = read
        self.id = event_id
        self.index = index
        self.stream = stream
        self._lumi = lumi

    @property
    def origin(self) -> ReadSlot:
        """How the source reads this event; an output that knows the source may copy whole columns."""
        return self._read

    @property
    def lumi(self) -> LuminosityBlock:
        """The event's luminosity block, for its products and, as ``lumi.of_run``, those of its run.

        Raises:
            ProductNotFound: no module of the job has to do with runs and luminosity blocks.
        """
        if self._lumi is None:
            message = f"event {self.id}: no module consumes or makes anything of its luminosity block or run"
            raise ProductNotFound(message)
        return self._lumi

    def _described(self) -> str:
        return f"event {self.id}"

    def _why_missing(self, token: Token[T]) -> str:
        if token.branch_type is BranchType.InLumi:
            return "it belongs to the luminosity block: ask event.lumi"
        if token.branch_type is BranchType.InRun:
            return "it belongs to the run: ask event.lumi.of_run"
        return "its producer is filtered out before it runs, failed, or did not put it"


class Event(EventView):
    """An event a producer may add to."""

    __slots__ = ()

    def put(self, token: Token[T], product: T) -> None:
        """Adds a product under the token of `declare.produces`.

        Raises:
            LogicError: it is of another type, its columns are malformed, or it was put before.
        """
        self._put(token, product)

    def put_checked(self, token: Token[T], product: T) -> None:
        """Adds a product that the framework itself made; nothing is looked at."""
        self._products[token.slot] = product
