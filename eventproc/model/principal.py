"""Principal, Run and LuminosityBlock: what holds products, and those that hold products of many events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from eventproc.errors import LogicError, ProductNotFound
from eventproc.model.event_id import LuminosityBlockID
from eventproc.model.product import Product
from eventproc.model.token import Token

T = TypeVar("T", bound=Product)

ReadSlot = Callable[[int], Product | None]
"""Gives the product of a slot from the source's file, or None when the source does not fill the slot."""


def reads_nothing(_slot: int) -> Product | None:
    """Of a source that holds no products."""
    return None


class Principal:
    """Products by the slots of their tokens."""

    __slots__ = ("_products", "_read")

    def __init__(self, n_slots: int, read: ReadSlot = reads_nothing) -> None:
        self._products: list[Product | None] = [None] * n_slots
        self._read = read

    def get(self, token: Token[T]) -> T:
        """The product a token stands for, read from the file when first asked for.

        Raises:
            ProductNotFound: its producer did not run or did not put it.
        """
        # Any: a call of `cast` at every product costs more than the look-up.
        product: Any = self._products[token.slot] if token.slot >= 0 else None
        found: T = self._fetch(token) if product is None else product
        return found

    def has(self, token: Token[T]) -> bool:
        """Whether `get` would succeed."""
        if token.slot < 0:
            return False
        return self._products[token.slot] is not None or self._read(token.slot) is not None

    def _fetch(self, token: Token[Any]) -> Any:
        product = self._read(token.slot) if token.slot >= 0 else None
        if product is None:
            message = (
                f"{self._described()}: no product {token.product_type.name()} named {str(token.tag)!r}: "
                f"{self._why_missing(token)}"
            )
            raise ProductNotFound(message)
        self._products[token.slot] = product
        return product

    def _put(self, token: Token[T], product: T) -> None:
        if not isinstance(product, token.product_type):
            message = f"put {type(product).__name__} under a token for {token.product_type.name()}"
            raise LogicError(message)
        if self._products[token.slot] is not None:
            message = f"{self._described()}: product {str(token.tag)!r} put twice"
            raise LogicError(message)
        product.check()
        self._products[token.slot] = product

    def _described(self) -> str:
        return type(self).__name__

    def _why_missing(self, _token: Token[T]) -> str:
        return "its producer does not make it in this transition or an earlier one, or did not put it"


class Run(Principal):
    """A run of events, to put products in from its begin to its end.

    Attributes:
        run: its number.
    """

    __slots__ = ("run",)

    def __init__(self, run: int, n_slots: int, read: ReadSlot = reads_nothing) -> None:
        super().__init__(n_slots, read)
        self.run = run

    def put(self, token: Token[T], product: T) -> None:
        """Adds a product under a token of `declare.produces` for the run.

        Raises:
            LogicError: it is of another type, its columns are malformed, or it was put before.
        """
        self._put(token, product)

    def __str__(self) -> str:
        return str(self.run)

    def _described(self) -> str:
        return f"run {self.run}"


class LuminosityBlock(Principal):
    """A luminosity block, to put products in from its begin to its end.

    Attributes:
        id: its run and number.
        of_run: its run, with the products that it has so far.
    """

    __slots__ = ("id", "of_run")

    def __init__(
        self, lumi_id: LuminosityBlockID, of_run: Run, n_slots: int, read: ReadSlot = reads_nothing
    ) -> None:
        super().__init__(n_slots, read)
        self.id = lumi_id
        self.of_run = of_run

    @property
    def run(self) -> int:
        """The number of its run."""
        return self.id.run

    @property
    def luminosityBlock(self) -> int:  # noqa: N802 - CMSSW's word
        """Its number in the run."""
        return self.id.luminosityBlock

    def put(self, token: Token[T], product: T) -> None:
        """Adds a product under a token of `declare.produces` for the luminosity block.

        Raises:
            LogicError: it is of another type, its columns are malformed, or it was put before.
        """
        self._put(token, product)

    def __str__(self) -> str:
        return str(self.id)

    def _described(self) -> str:
        return f"luminosity block {self.id.run}:{self.id.luminosityBlock}"
