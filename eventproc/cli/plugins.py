"""``eventproc plugins``: what job files and command lines can name, as edmPluginHelp."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from eventproc.errors import ConfigurationError, near_names
from eventproc.plugins.loading import COMMANDS, LAYOUTS, PLUGINS, load_plugin, plugin_names
from eventproc.plugins.outline import PluginOutline, plugin_outlines

if TYPE_CHECKING:
    from eventproc.modules.parameter_table import ParameterRow

KINDS = ("Source", "EDProducer", "EDFilter", "EDAnalyzer", "OutputModule", "Service", "")
"""In the order in which a job file names them; "" is whatever the source text does not tell."""

GROUPS = {LAYOUTS: "Layouts of input files", COMMANDS: "Commands of eventproc"}


def plugins(
    name: Annotated[
        str | None, typer.Argument(help="a plugin, layout or command, to see its parameters")
    ] = None,
) -> None:
    """List what job files can name; with a name, its parameters."""
    console = Console(highlight=False)
    for head, rest in _list() if name is None else _one(name):
        console.print(Text.assemble((head, "bold"), rest), soft_wrap=True)


def _list() -> Iterator[tuple[str, str]]:
    """Nothing is imported: kinds and sentences come from the source text."""
    outlines = plugin_outlines(PLUGINS)
    groups = {kind or "Others": [o for o in outlines if o.kind == kind] for kind in KINDS}
    groups |= {title: plugin_outlines(group) for group, title in GROUPS.items()}
    width = max((len(o.name) for members in groups.values() for o in members), default=0)
    for title, members in groups.items():
        if members:
            yield title, ""
            yield from (("", _line(outline, width)) for outline in members)


def _line(outline: PluginOutline, width: int) -> str:
    foreign = f"  ({outline.package})" if outline.package not in ("", "eventproc") else ""
    return f"  {outline.name:<{width}}  {outline.sentence}{foreign}".rstrip()


def _one(name: str) -> Iterator[tuple[str, str]]:
    # The list must not wait for numpy, which the package of the modules imports.
    from eventproc.modules.parameter_table import parameter_rows  # noqa: PLC0415

    group = _group_of(name)
    thing: Any = load_plugin(name, group)
    kind = "command" if group == COMMANDS else "layout" if group == LAYOUTS else f"cms.{thing.kind}"
    yield name, f"  {kind}, {thing.__module__}:{thing.__qualname__}"
    for line in (inspect.getdoc(thing) or "").splitlines():
        yield "", f"  {line}".rstrip()
    yield "", ""
    if group == COMMANDS:
        yield "", f"  its words: eventproc {name} --help"
        return
    rows = list(parameter_rows(thing.Params))
    yield from _parameter_lines(rows) if rows else [("", "  no parameters")]


def _group_of(name: str) -> str:
    if ":" in name:
        return PLUGINS
    for group in (PLUGINS, LAYOUTS, COMMANDS):
        if name in plugin_names(group):
            return group
    known = [each for group in (PLUGINS, LAYOUTS, COMMANDS) for each in plugin_names(group)]
    message = f"no plugin, layout or command {name!r}: {near_names(name, known)}"
    raise ConfigurationError(message)


def _parameter_lines(rows: list[ParameterRow]) -> Iterator[tuple[str, str]]:
    of_name = max(len(row.name) for row in rows)
    of_type = max(len(row.type_text) for row in rows)
    for row in rows:
        default = "required" if row.default is None else f"= {row.default}" if row.default else ""
        choices = f"one of {', '.join(row.choices)}" if row.choices else ""
        yield f"  {row.name:<{of_name}}", f"  {row.type_text:<{of_type}}  {default}".rstrip()
        limits = f"must be {row.limits}" if row.limits else ""
        for line in filter(None, (row.doc, choices, limits)):
            yield "", f"      {line}"
