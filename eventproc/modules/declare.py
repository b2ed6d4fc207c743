"""Declare: what a module's constructor is given to say what it consumes, produces and uses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

from eventproc.model.input_tag import InputTag
from eventproc.model.product import Product
from eventproc.model.token import Token
from eventproc.model.transition import BranchType, Transition

T = TypeVar("T", bound=Product)
S = TypeVar("S")


class Declare(Protocol):
    """What modules say here is the whole dependency graph of a job, checked before the first event."""

    @property
    def label(self) -> str:
        """The module's own label in the process."""

    def consumes(
        self, product_type: type[T], tag: InputTag | str, branch_type: BranchType = BranchType.InEvent
    ) -> Token[T]:
        """Asks for a product; a job in which nobody makes it does not start.

        Args:
            product_type: its class.
            tag: its name.
            branch_type: ``InLumi`` and ``InRun`` for products of luminosity blocks and runs.
        """

    def may_consume(
        self, product_type: type[T], tag: InputTag | str, branch_type: BranchType = BranchType.InEvent
    ) -> Token[T]:
        """Asks for a product that may be missing: ``event.has(token)`` tells whether one has it."""

    def produces(
        self,
        product_type: type[T],
        instance: str = "",
        attributes: Mapping[str, Any] | None = None,
        transition: Transition = Transition.Event,
    ) -> Token[T]:
        """Promises a product under the module's label; see ``Token.is_wanted``.

        Args:
            product_type: its class.
            instance: tells several products of one module and type apart.
            attributes: JSON values that hold for every event; consumers find them in their token, files
                store them with the branch.
            transition: when it is made: ``EndRun`` and so on for products of runs and luminosity blocks.
        """

    def service(self, service_type: type[S]) -> S:
        """The job's service of that type; a job without it does not start."""
