"""Token: what a module holds of a product, typed, resolved once before the first event."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from eventproc.model.input_tag import InputTag
from eventproc.model.product import Product
from eventproc.model.transition import BranchType

ProductT = TypeVar("ProductT", bound=Product)


class Token(Generic[ProductT]):
    """A product's place in every event, luminosity block or run of the job.

    Attributes:
        product_type: the type the module asked for or promised.
        tag: how the configuration names it.
        slot: index in the event's products; set once by the registry, -1 before and -1 for a
            product that `may_consume` asked for and nobody makes.
        branch_type: what it is a product of: an event, a luminosity block or a run.
        is_wanted: of a product that the token's holder makes: whether a module asks for it or an output keeps
            it. One that nobody wants need not be made.
        attributes: what the producer says of all its products, such as the specification of images;
            set with the slot.
    """

    __slots__ = ("attributes", "branch_type", "is_wanted", "product_type", "slot", "tag")

    def __init__(
        self, product_type: type[ProductT], tag: InputTag, branch_type: BranchType = BranchType.InEvent
    ) -> None:
        self.product_type = product_type
        self.tag = tag
        self.branch_type = branch_type
        self.slot = -1
        self.is_wanted = True
        self.attributes: dict[str, Any] = {}

    @property
    def is_available(self) -> bool:
        """Whether somebody makes the product; only `may_consume` gives tokens that are not."""
        return self.slot >= 0

    def __repr__(self) -> str:
        return f"Token({self.product_type.name()}, {str(self.tag)!r})"
