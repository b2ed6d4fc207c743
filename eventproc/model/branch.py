"""BranchDescription: the full name and the columns of a product in an event or a file."""

from __future__ import annotations

from dataclasses import dataclass

from eventproc.model.input_tag import InputTag
from eventproc.model.product import EQUAL, ProductSchema
from eventproc.model.transition import BranchType


@dataclass(frozen=True, slots=True)
class BranchDescription:
    """A product as the registry and files know it.

    Attributes:
        type_name: the product type's name, such as ``EcalRecHits``.
        label: the label of the module that made it.
        instance: the instance, "" for a module's unnamed product.
        process: the name of the process that made it.
        schema: its columns.
        attributes: what is the same for every event, such as the specification of images, as JSON text.
        branch_type: what it is a product of: an event, a luminosity block or a run.
        merging: see `Product.merging`; of no meaning for events.
    """

    type_name: str
    label: str
    instance: str
    process: str
    schema: ProductSchema
    attributes: str = "{}"
    branch_type: BranchType = BranchType.InEvent
    merging: str = EQUAL

    @property
    def name(self) -> str:
        """The CMSSW branch name ``type_label_instance_process`` that keep and drop commands match."""
        return f"{self.type_name}_{self.label}_{self.instance}_{self.process}"

    def matches(self, tag: InputTag, type_name: str, branch_type: BranchType = BranchType.InEvent) -> bool:
        """Whether a tag, asked for with a type, names this branch."""
        return (
            (self.label, self.instance, self.type_name, self.branch_type)
            == (tag.label, tag.instance, type_name, branch_type)
            and tag.process in ("", self.process)
        )  # fmt: skip
