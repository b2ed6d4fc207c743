"""Declare: what a module's constructor is given to say what it consumes, produces and uses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

from eventproc.model.input_tag import InputTag
from eventproc.model.product import Product
from eventproc.model.token import Token

T = TypeVar("T", bound=Product)
S = TypeVar("S")


class Declare(Protocol):
    """What modules say here is the whole dependency graph of a job, checked before the first event."""

    @property
    def label(self) -> str:
        """The module's own label in the process."""

    def consumes(self, product_type: type[T], tag: InputTag | str) -> Token[T]:
        """Asks for a product; a job in which nobody makes it does not start."""

    def may_consume(self, product_type: type[T], tag: InputTag | str) -> Token[T]:
        """Asks for a product that may be missing; see ``Token.is_available``."""

    def produces(
        self, product_type: type[T], instance: str = "", attributes: Mapping[str, Any] | None = None
    ) -> Token[T]:
        """Promises a product under the module's label.

        Args:
            product_type: its class.
            instance: tells several products of one module and type apart.
            attributes: JSON values that hold for every event; consumers find them in their token, files
                store them with the branch.
        """

    def service(self, service_type: type[S]) -> S:
        """The job's service of that type; a job without it does not start."""
