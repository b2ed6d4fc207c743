"""FileContent: the products in a file and their columns, as edmDumpEventContent shows them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any

import numpy as np

from eventproc.html_table import html_fold, html_table, html_title
from eventproc.io.reading.layout import LayoutFile
from eventproc.io.reading.native_layout import NativeFile
from eventproc.io.reading.opened_file import open_any_layout
from eventproc.model.branch import BranchDescription
from eventproc.model.product import ColumnSchema
from eventproc.model.transition import BranchType


@dataclass(frozen=True, slots=True)
class ColumnContent:
    """One column.

    Attributes:
        name: as modules know it.
        dtype: type of its values.
        axis: columns of one axis have the same length; None for one value per event.
        unit: "" for GeV, radians and counts.
        doc: one sentence.
        branch: the branch of the tree that holds it; "" in layouts that compute it.
    """

    name: str
    dtype: str
    axis: str | None
    unit: str
    doc: str
    branch: str = ""

    @property
    def type(self) -> str:
        """The type as the table shows it: ``float32[]`` for a list per event, ``uint16[pixel]`` by axis."""
        return self.dtype if self.axis is None else f"{self.dtype}[{self.axis}]"

    @property
    def meaning(self) -> str:
        """The sentence, with the unit if there is one."""
        return f"{self.doc} [{self.unit}]" if self.unit else self.doc


@dataclass(frozen=True, slots=True)
class ProductContent:
    """One product.

    Attributes:
        type: of the four parts of its name the first, the others follow.
        module: label of the module.
        instance: its instance.
        process: who made it.
        columns: its columns.
        branch_type: what it is a product of: Event, LuminosityBlock or Run.
        missing: events that lack it.
    """

    type: str
    module: str
    instance: str
    process: str
    columns: tuple[ColumnContent, ...]
    branch_type: str = BranchType.InEvent
    missing: int = 0


@dataclass(frozen=True, slots=True)
class FileContent:
    """What a file offers.

    Attributes:
        file: the file.
        events: number of events.
        products: of several processes' products the most recent first.
    """

    file: str
    events: int
    products: tuple[ProductContent, ...]

    def to_dict(self) -> dict[str, Any]:
        """The content as JSON values."""
        return asdict(self)

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        head = ["column", "type", "branch", "meaning"]
        folds = [
            html_fold(
                f'{p.type} "{p.module}" "{p.instance}" "{p.process}"' + of_what(p),
                html_table([(c.name, c.type, c.branch, c.meaning) for c in p.columns], head),
                is_open=len(self.products) <= 3,
            )
            for p in self.products
        ]
        return html_title(self.file, f"{self.events} events") + "".join(folds)


def read_content(file_name: str) -> FileContent:
    """Looks what a file holds, whatever its layout.

    Raises:
        FileOpenError: it is missing or damaged, or no layout recognises it.
        ProductNotFound: a layout does, but a branch is missing.
    """
    with open_any_layout(file_name) as opened:
        branches = _branch_names(opened)
        products = [
            *(_product(b, branches.get(b, {}), _missing(opened, b)) for b in opened.branches),
            *(_product(b, branches.get(b, {})) for b in opened.levels),
        ]
        return FileContent(file_name, opened.n_entries, tuple(products))


def content_lines(content: FileContent) -> Iterator[tuple[str, str]]:
    """The content line by line, aligned, for a screen.

    Yields:
        The part of each line that stands out, and the rest.
    """
    products = content.products
    columns = [column for product in products for column in product.columns]
    wide = max((len(f'"{part}"') for p in products for part in (p.module, p.instance)), default=0)
    of_type = max((len(p.type) for p in products), default=0)
    of_name = max((len(c.branch or c.name) for c in columns), default=0)
    of_dtype = max((len(c.type) for c in columns), default=0)
    for p in products:
        module, instance, process = (f'"{part}"' for part in (p.module, p.instance, p.process))
        yield f"{p.type:<{of_type}}  {module:<{wide}}  {instance:<{wide}}  {process}", of_what(p)
        for c in p.columns:
            yield "", f"    {c.branch or c.name:<{of_name}}  {c.type:<{of_dtype}}  {c.meaning}".rstrip()


def of_what(product: ProductContent) -> str:
    """What it is a product of, unless that is every event."""
    if product.branch_type == BranchType.InEvent:
        return f"  missing from {product.missing} events" if product.missing else ""
    return f"  of each {product.branch_type}"


def _missing(opened: LayoutFile, branch: BranchDescription) -> int:
    present = opened.presence(branch, 0, opened.n_entries)
    return 0 if present is None else int(np.count_nonzero(~present))


def _product(branch: BranchDescription, stored: dict[str, str], missing: int = 0) -> ProductContent:
    columns = tuple(_column(c, stored.get(c.name, "")) for c in branch.schema)
    names = (branch.type_name, branch.label, branch.instance, branch.process)
    return ProductContent(*names, columns, str(branch.branch_type), missing)


def _column(schema: ColumnSchema, branch: str) -> ColumnContent:
    return ColumnContent(schema.name, schema.dtype, schema.axis, schema.unit, schema.doc, branch)


def _branch_names(opened: LayoutFile) -> dict[BranchDescription, dict[str, str]]:
    if not isinstance(opened, NativeFile):
        return {}
    levels = (level.products for level in opened.metadata.levels.values())
    products = chain(opened.metadata.products, *levels)
    return {p.description(): {c.name: c.branch for c in p.columns} for p in products}
