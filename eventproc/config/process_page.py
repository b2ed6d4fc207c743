"""What a notebook shows of a process: its paths, and its components with their parameters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from eventproc.config.components import Component, Module, Service, Source
from eventproc.config.sequences import EndPath, FinalPath, Path, walk
from eventproc.errors import ConfigurationError
from eventproc.html_table import html_fold, html_table, html_title

if TYPE_CHECKING:
    from eventproc.config.process import Process

GROUPS = {"Source": Source, "Modules": Module, "Services": Service}


def render_process(process: Process) -> str:
    """The process as HTML."""
    held = process._objects
    paths = [thing for thing in held.values() if isinstance(thing, Path | EndPath | FinalPath)]
    parts = [html_title(f"process {process.name_()}", _events(process))]
    if paths:
        parts.append(html_table([(path.label_(), _steps(path, process)) for path in paths]))
    for title, kind in GROUPS.items():
        components = [thing for thing in held.values() if isinstance(thing, kind)]
        if components:
            parts.append(html_fold(f"{title} ({len(components)})", "".join(map(_component, components))))
    return "".join(parts)


def _component(component: Component) -> str:
    title = f"{component.label_()} = {type(component).__name__} {component.type_()}"
    rows = list(_parameters(component))
    return html_fold(title, html_table(rows) if rows else html_title("", "all parameters at their defaults"))


def _parameters(component: Component) -> Iterator[tuple[str, str]]:
    for parameter in component._python_parameters(""):
        name, _, value = parameter.partition(" = ")
        yield name, value.removeprefix("cms.")


def _steps(path: Path | EndPath | FinalPath, process: Process) -> str:
    try:
        steps = list(walk(path, process._current))
    except ConfigurationError as error:
        return str(error)
    return " + ".join(("~" if step.negate else "") + getattr(step.module, "_label", "?") for step in steps)


def _events(process: Process) -> str:
    wanted = int(process.maxEvents.input) if process.maxEvents.hasParameter("input") else -1
    return "all events" if wanted < 0 else f"at most {wanted} events"
