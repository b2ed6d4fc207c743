"""Layout: how the events of a ROOT file are laid out in trees and branches; each layout is a plugin."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from eventproc.errors import (
    ConfigurationError,
    EventProcError,
    FileOpenError,
    ProductNotFound,
)
from eventproc.io.format.level_tree import LevelProducts
from eventproc.io.root.column import Column, Present
from eventproc.io.root.root_file import NotInFile, RootFile
from eventproc.model.branch import BranchDescription
from eventproc.model.event_id import EventID
from eventproc.model.history import InputHistory
from eventproc.modules.parameters import ParameterDescription, convert_parameters
from eventproc.plugins.loading import LAYOUTS, load_plugin, plugin_names


class LayoutFile(ABC):
    """One open file as its layout sees it. A source calls it from one thread at a time.

    Attributes:
        branches: what it offers, of several processes' products the most recent first.
        n_entries: number of events.
        histories: the same for each of several inputs that were made differently; without the file's own
            process, whose input they were. Empty where they were made alike.
        levels: products of runs and luminosity blocks, the most recent process first.
        history: provenance of the processes that made it, oldest first; see `provenance.process_record`.
    """

    branches: Sequence[BranchDescription]
    n_entries: int
    history: Sequence[dict[str, Any]] = ()
    histories: Sequence[InputHistory] = ()
    levels: LevelProducts = MappingProxyType({})

    @abstractmethod
    def event_ids(self, start: int, stop: int) -> Sequence[EventID]:
        """The ids of entries [start, stop).

        Raises:
            FileReadError: they cannot be read.
        """

    @abstractmethod
    def read(
        self, branch: BranchDescription, columns: Sequence[str], start: int, stop: int
    ) -> Sequence[Column]:
        """Columns of a product for entries [start, stop), in the order asked for, of the schema's dtypes.

        Raises:
            FileReadError: they cannot be read.
        """

    def presence(
        self,
        branch: BranchDescription,  # noqa: ARG002 - files of most layouts hold every product in every event
        start: int,  # noqa: ARG002
        stop: int,  # noqa: ARG002
    ) -> Present | None:
        """Which of entries [start, stop) have a product; None where all have it."""
        return None

    @abstractmethod
    def cluster_limits(self, branches: Sequence[BranchDescription]) -> Sequence[int]:
        """Entries where it is cheap to begin reading these products: from 0 to ``n_entries``, ascending."""

    @abstractmethod
    def entry_bytes(self, branches: Sequence[BranchDescription]) -> float:
        """About how much memory an entry of these products takes."""


class Layout(ABC):
    """A way to lay out events in a file. Its name is that of its entry point in ``eventproc.layouts``."""

    class Params(ParameterDescription):
        """No parameters."""

    @abstractmethod
    def __init__(self, params: Any) -> None:
        """Takes checked parameters."""

    @abstractmethod
    def open(self, file: RootFile) -> LayoutFile:
        """Looks at a file. Which error it raises tells whether a file is of the layout's kind.

        Raises:
            NotInFile: the file has nothing of what the layout expects; another layout may know it.
            ProductNotFound: the file is of this layout, but a branch is missing or of another type.
            FileOpenError: the file is of this layout, but damaged.
        """


def make_layouts(name: str, parameters: Mapping[str, Any]) -> Mapping[str, Layout]:
    """The layouts that a source should try.

    Args:
        name: a layout's name, or ``auto`` for every layout there is, with default parameters.
        parameters: values for the layout's ``Params``.

    Raises:
        ConfigurationError: no such layout, a wrong parameter, or parameters for ``auto``.
    """
    names = plugin_names(LAYOUTS) if name == "auto" else [name]
    if name == "auto" and parameters:
        given = ", ".join(repr(key) for key in parameters)
        message = f"layoutParameters ({given}) need a layout to belong to: {' or '.join(names)}"
        raise ConfigurationError(message)
    return {each: _make(each, parameters) for each in names}


def open_with(layouts: Mapping[str, Layout], file: RootFile) -> LayoutFile:
    """Looks at a file with the one of several layouts that recognises it.

    Raises:
        NotInFile: none does.
        ProductNotFound: one does, but a branch is missing or of another type.
        FileOpenError: one does, but the file is damaged.
        ConfigurationError: more than one does.
    """
    opened: dict[str, LayoutFile] = {}
    claimed: dict[str, EventProcError] = {}
    refused: dict[str, EventProcError] = {}
    for name, layout in layouts.items():
        try:
            opened[name] = layout.open(file)
        except NotInFile as error:
            refused[name] = error
        except (FileOpenError, ProductNotFound) as error:
            claimed[name] = error
    if len(opened) > 1:
        choice = " and ".join(repr(name) for name in opened)
        message = f"layouts {choice} all recognise input file {file.pfn!r}; say which with layout=..."
        raise ConfigurationError(message)
    if opened:
        return next(iter(opened.values()))
    raise _combined(claimed or refused, file)


def _make(name: str, parameters: Mapping[str, Any]) -> Layout:
    layout = load_plugin(name, LAYOUTS)
    if not (isinstance(layout, type) and issubclass(layout, Layout)):
        message = f"layout {name!r} is {layout!r}; it must be a class derived from Layout"
        raise ConfigurationError(message)
    return layout(convert_parameters(layout.Params, parameters, f"layout {name!r} ({layout.__name__})"))


def _combined(errors: Mapping[str, EventProcError], file: RootFile) -> EventProcError:
    if len(errors) == 1:
        return next(iter(errors.values()))
    reasons = "".join(f"\n  {name}: {error}" for name, error in errors.items())
    message = f"no layout can read input file {file.pfn!r}:{reasons}"
    kinds = {type(error) for error in errors.values()}
    return kinds.pop()(message) if len(kinds) == 1 else FileOpenError(message)
