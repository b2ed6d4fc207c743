"""Event and EventView: the products of one collision, to read and write, or only to read."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

from eventproc.errors import LogicError, ProductNotFound
from eventproc.model.event_id import EventID
from eventproc.model.product import Product
from eventproc.model.token import Token

T = TypeVar("T", bound=Product)

ReadSlot = Callable[[int], Product | None]
"""Gives the product of a slot from the source's file, or None when the source does not fill the slot."""


def _reads_nothing(_slot: int) -> Product | None:
    return None


class EventView:
    """What a module may read of an event.

    Attributes:
        id: run, luminosity block and event number.
        index: position in the job's input, from 0; output is written in this order.
        stream: number of the stream that processes it.
    """

    __slots__ = ("_products", "_read", "id", "index", "stream")

    def __init__(
        self, event_id: EventID, index: int, stream: int, n_slots: int, read: ReadSlot = _reads_nothing
    ) -> None:
        self.id = event_id
        self.index = index
        self.stream = stream
        self._products: list[Product | None] = [None] * n_slots
        self._read = read

    @property
    def origin(self) -> ReadSlot:
        """How the source reads this event; an output that knows the source may copy whole columns."""
        return self._read

    def get(self, token: Token[T]) -> T:
        """The product a token stands for, read from the file when first asked for.

        Raises:
            ProductNotFound: its producer did not run or did not put it.
        """
        product = self._products[token.slot] if token.slot >= 0 else None
        if product is None:
            product = self._fetch(token)
        return cast(T, product)

    def has(self, token: Token[T]) -> bool:
        """Whether `get` would succeed."""
        if token.slot < 0:
            return False
        return self._products[token.slot] is not None or self._read(token.slot) is not None

    def _fetch(self, token: Token[T]) -> Product:
        product = self._read(token.slot) if token.slot >= 0 else None
        if product is None:
            message = (
                f"event {self.id}: no product {token.product_type.name()} named {str(token.tag)!r}: "
                "its producer is filtered out before it runs, failed, or did not put it"
            )
            raise ProductNotFound(message)
        self._products[token.slot] = product
        return product


class Event(EventView):
    """An event a producer may add to."""

    __slots__ = ()

    def put(self, token: Token[T], product: T) -> None:
        """Adds a product under the token of `declare.produces`.

        Raises:
            LogicError: it is of another type, its columns are malformed, or it was put before.
        """
        if not isinstance(product, token.product_type):
            message = f"put {type(product).__name__} under a token for {token.product_type.name()}"
            raise LogicError(message)
        if self._products[token.slot] is not None:
            message = f"event {self.id}: product {str(token.tag)!r} put twice"
            raise LogicError(message)
        product.check()
        self._products[token.slot] = product

    def put_checked(self, token: Token[T], product: T) -> None:
        """Adds a product that the framework itself made; nothing is looked at."""
        self._products[token.slot] = product
