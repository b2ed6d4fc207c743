"""RecordTable: what to make of a product that records how a job went instead of what it found."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from eventproc.errors import ConfigurationError
from eventproc.plugins.loading import load_plugin, plugin_names

RECORDS = "eventproc.records"
"""Group of entry points: the name of a product type to the RecordTable that summarises it."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of text.

    Attributes:
        head: titles of the columns.
        rows: cells of each row.
        notes: sentences to print after it.
    """

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()


class RecordTable(ABC):
    """Summarises a product type for ``eventproc provenance``; a package lists it in ``eventproc.records``.

    Attributes:
        varying: columns that differ from run to run of one job, such as times; ``eventproc compare`` leaves
            them out.
    """

    varying: ClassVar[frozenset[str]] = frozenset()

    @abstractmethod
    def summarise(self, columns: Mapping[str, Any]) -> Table:
        """The table of all rows of a file.

        Args:
            columns: the values of all events by column: numpy arrays, tuples for strings.
        """


def record_tables() -> dict[str, RecordTable]:
    """The tables of all installed packages by product type.

    Raises:
        ConfigurationError: one cannot be imported, or is no RecordTable.
    """
    return {name: _load(name) for name in plugin_names(RECORDS)}


def _load(name: str) -> RecordTable:
    plugin = load_plugin(name, RECORDS)
    if not (isinstance(plugin, type) and issubclass(plugin, RecordTable)):
        message = f"record table {name!r} is {plugin!r}; it must be a class derived from RecordTable"
        raise ConfigurationError(message)
    return plugin()
