"""Files that modules and services write themselves, in a job of several processes: a part each, then one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eventproc.errors import ConfigurationError
from eventproc.model.descriptions import ComponentDescription
from eventproc.modules.file_merge import FileMerge
from eventproc.modules.module import Module
from eventproc.modules.service import Service
from eventproc.runtime.builder import Job

_FILE_NAME = "filename"
"""How a parameter that names a file is called, in lower case."""


@dataclass(frozen=True, slots=True)
class PartFiles:
    """One file and its parts.

    Attributes:
        label: whose file it is.
        parameter: the parameter that names it.
        final: the file that was asked for.
        parts: the files of the processes, in the order of their events.
        merge: makes the one of the others.
    """

    label: str
    parameter: str
    final: Path
    parts: tuple[Path, ...]
    merge: FileMerge

    def put_together(self) -> None:
        """Writes the file, if any process wrote its part.

        Raises:
            FileWriteError: it cannot be written.
        """
        written = [part for part in self.parts if part.exists()]
        if written:
            self.merge(written, self.final)


def part_files(job: Job, folder: Path, n_parts: int) -> list[PartFiles]:
    """What the modules and services of a job write, and where its parts go.

    Args:
        job: the job.
        folder: for the parts.
        n_parts: how many there are.

    Raises:
        ConfigurationError: one writes a file and does not say how several become one; all such are named.
    """
    described = {m.label: m for m in job.description.modules}
    plugins: list[tuple[ComponentDescription, Module | Service]] = [
        *((described[label], module) for label, module in job.modules.items()),
        *zip(job.description.services, job.services, strict=True),
    ]
    refused = [problem for d, plugin in plugins if (problem := _problem(d, plugin, n_parts))]
    if refused:
        raise ConfigurationError("\n".join(refused))
    return [
        PartFiles(d.label, name, Path(final), _part_names(folder, f"{d.label}-{name}", n_parts), merge)
        for d, plugin in plugins
        for name, merge in type(plugin).files.items()
        if (final := str(d.parameters.get(name) or ""))
    ]


def _part_names(folder: Path, name: str, n_parts: int) -> tuple[Path, ...]:
    return tuple(folder / f"{i}-{name}" for i in range(n_parts))


def _problem(description: ComponentDescription, plugin: Module | Service, n_parts: int) -> str:
    unknown = dict(_named_files(description.parameters)).keys() - type(plugin).files.keys()
    if not unknown:
        return ""
    which = ", ".join(f"{name} = {description.parameters[name]!r}" for name in sorted(unknown))
    return (
        f"{description.kind} {description.label!r} ({description.type}) writes {which} and does not say how "
        f"the files of {n_parts} processes become one: name the parameter in its class attribute 'files', "
        "or set process.options.numberOfProcesses = 1"
    )


def _named_files(parameters: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in parameters.items():
        if name.lower().endswith(_FILE_NAME) and value:
            yield name, value
