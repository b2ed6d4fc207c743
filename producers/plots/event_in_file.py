"""EventInFile: the products of one entry of a file, and the parameters of the modules that made them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from eventproc.io.reading.layout import LayoutFile
from eventproc.model.product import Product
from eventproc.modules.parameters import ParameterDescription, convert_parameters

P = TypeVar("P", bound=Product)
D = TypeVar("D", bound=ParameterDescription)
History = Sequence[Mapping[str, Any]]


class EventInFile:
    """One entry of an open file, product by product."""

    def __init__(self, file: LayoutFile, entry: int) -> None:
        self._file, self._entry = file, entry

    def get(self, product_type: type[P], label: str = "", instance: str | None = None) -> P | None:
        """The most recent product of a type, of a label if one is given; None when the entry has none."""
        for branch in self._file.branches:
            if branch.type_name != product_type.name() or label not in ("", branch.label):
                continue
            if instance in (None, branch.instance):
                entries = self._entry, self._entry + 1
                present = self._file.presence(branch, *entries)
                if present is not None and not present[0]:
                    return None
                columns = self._file.read(branch, [c.name for c in product_type.schema()], *entries)
                return product_type(*(column.content for column in columns))
        return None

    def labels(self, product_type: type[Product]) -> list[str]:
        """Labels of the products of a type."""
        return [b.label for b in self._file.branches if b.type_name == product_type.name()]


def parameters_of(history: History, description: type[D], plugin: str) -> D:
    """The parameters that the last module of a type ran with; the defaults when none did."""
    modules = (
        m
        for process in reversed(history)
        for m in reversed(process.get("configuration", {}).get("modules", ()))
    )
    values: Mapping[str, Any] = next((m["parameters"] for m in modules if m["type"] == plugin), {})
    return convert_parameters(description, values, f"{plugin} in the file's provenance")
