"""From a plugin's name to its class; only the plugin that is asked for is imported."""

from __future__ import annotations

import importlib
import re
import sys
import traceback
from collections.abc import Iterable
from functools import lru_cache
from importlib.metadata import EntryPoint, EntryPoints, entry_points
from pathlib import Path
from types import ModuleType

from eventproc.errors import ConfigurationError, EventProcError, near_names

PLUGINS = "eventproc.plugins"
"""Group of modules, sources, output modules and services."""

LAYOUTS = "eventproc.layouts"
"""Group of layouts that PoolSource reads."""

COMMANDS = "eventproc.commands"
"""Group of commands of ``eventproc``."""

_FRAMEWORK = str(Path(__file__).parents[1])

WORDS = {PLUGINS: "plugin", LAYOUTS: "layout", COMMANDS: "command"}


def plugin_names(group: str = PLUGINS) -> list[str]:
    """Names in a group, sorted; nothing is imported."""
    return sorted({entry.name for entry in entry_points(group=group)})


def load_plugin(name: str, group: str = PLUGINS) -> object:
    """The object that a package registered under a name.

    Args:
        name: the name as a job file writes it; ``package.module:Class`` needs no registration.
        group: `PLUGINS`, `LAYOUTS` or `COMMANDS`.

    Raises:
        ConfigurationError: no package knows the name, two packages do, or importing it fails.
    """
    entry = _direct(name, group) if ":" in name else _only(name, group, _found(name, group))
    described = f"{WORDS.get(group, 'plugin')} {name!r}"
    if entry.dist:
        described += f" ({entry.value}, package {entry.dist.name})"
    thing: object = _module(entry, described)
    for attribute in entry.attr.split("."):
        if not hasattr(thing, attribute):
            message = f"{described}: {entry.module} has no {attribute!r}: {near_names(attribute, dir(thing))}"
            raise ConfigurationError(message)
        thing = getattr(thing, attribute)
    return thing


def _direct(name: str, group: str) -> EntryPoint:
    if not re.fullmatch(r"[\w.]+:[\w.]+", name):
        message = f"{name!r} is no import path; write package.module:Class"
        raise ConfigurationError(message)
    return EntryPoint(name, name, group)


def _found(name: str, group: str) -> EntryPoints:
    found = _tables(group, tuple(sys.path)).select(name=name)
    return found or entry_points(group=group, name=name)  # a package may have been installed since


@lru_cache(maxsize=16)
def _tables(group: str, search_path: tuple[str, ...]) -> EntryPoints:  # noqa: ARG001 - part of the key
    """All of a group; reading the tables of a hundred packages takes 12 ms, too much for every module."""
    return entry_points(group=group)


def _only(name: str, group: str, found: Iterable[EntryPoint]) -> EntryPoint:
    # A package seen twice on sys.path registers the same value twice, which is no clash.
    by_value = {entry.value: entry for entry in found}
    word = WORDS.get(group, "plugin")
    if not by_value:
        message = f"no {word} {name!r}: {near_names(name, plugin_names(group))}"
        raise ConfigurationError(message)
    if len(by_value) > 1:
        claims = " and ".join(f"{_package(entry)} ({entry.value})" for entry in by_value.values())
        message = f"{word} {name!r} is registered by two packages: {claims}; uninstall or rename one"
        raise ConfigurationError(message)
    return next(iter(by_value.values()))


def _module(entry: EntryPoint, described: str) -> ModuleType:
    try:
        return importlib.import_module(entry.module)
    except ConfigurationError as error:  # not of the job: of what the module does at its import
        message = f"{described}: its import failed: {error}{_last_place(error)}"
        raise ConfigurationError(message) from error
    except EventProcError as error:
        error.add_context(f"Importing {described}")
        raise
    except Exception as error:
        missing = isinstance(error, ModuleNotFoundError) and f"{entry.module}.".startswith(f"{error.name}.")
        if missing:
            message = (
                f"{described}: the module does not exist; is its folder missing in PYTHONPATH, or was the "
                "package moved or half installed?"
            )
        else:
            message = f"{described}: its import failed: {type(error).__name__}: {error}{_last_place(error)}"
        raise ConfigurationError(message) from error


def _last_place(error: Exception) -> str:
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith("<frozen")]
    authors = [f for f in frames if not f.filename.startswith(_FRAMEWORK)] or frames
    return f" ({authors[-1].filename}:{authors[-1].lineno})" if len(frames) > 1 else ""


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else "unknown"
