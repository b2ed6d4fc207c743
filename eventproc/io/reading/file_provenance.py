"""FileProvenance: who made a file, with which configuration, and whether they came to their end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import compress, pairwise, zip_longest
from typing import Any

import numpy as np

from eventproc.io.format.record_table import Table, record_tables
from eventproc.io.reading.native_layout import NativeFile
from eventproc.io.reading.opened_file import open_native
from eventproc.model.branch import BranchDescription
from eventproc.model.history import history_key


@dataclass(frozen=True, slots=True)
class ComponentRecord:
    """A source or module with the parameters it ran with."""

    label: str
    kind: str
    type: str
    parameters: dict[str, Any]
    untracked: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ProcessRecord:
    """One process in a file's history.

    Attributes:
        name: name of the process.
        id: ParameterSet ID of its configuration.
        version: version of the framework that ran it.
        components: the source, then the modules in the order of definition.
        paths: by name, the labels in order.
    """

    name: str
    id: str
    version: str
    components: tuple[ComponentRecord, ...]
    paths: dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class HistoryRecord:
    """One of several ways in which inputs of a file were made.

    Attributes:
        files: the inputs.
        processes: name and ParameterSet ID of each process, oldest first.
    """

    files: tuple[str, ...]
    processes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class FileProvenance:
    """What a file says of its making.

    Attributes:
        file: the file.
        complete: whether the job that wrote it came to its end.
        events: number of events written.
        n_digests: branches whose values have a digest in the file.
        processes: oldest first; where inputs were made in different ways, those of all of them.
        histories: the ways in which inputs were made, where there are several.
        records: by branch name, the table of a product that records how the job went.
    """

    file: str
    complete: bool
    events: int
    n_digests: int
    processes: tuple[ProcessRecord, ...]
    records: dict[str, Table]
    histories: tuple[HistoryRecord, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return asdict(self)


def read_provenance(file_name: str) -> FileProvenance:
    """What a file of ours says of its making.

    Raises:
        FileOpenError: it is missing or damaged, or another program wrote it.
        FileReadError: its records cannot be read.
    """
    with open_native(file_name) as file:
        completion = file.metadata.completion
        return FileProvenance(
            file=file_name,
            complete=completion.complete,
            events=completion.nEvents,
            n_digests=len(completion.crc32),
            processes=tuple(map(process_of, _every_process(file))),
            records=_records(file),
            histories=tuple(HistoryRecord(history.files, history.key) for history in file.histories),
        )


def process_of(record: Mapping[str, Any]) -> ProcessRecord:
    """One process from the values that `provenance.process_record` stored."""
    configuration = record.get("configuration", {})
    components = [configuration.get("source", {}), *configuration.get("modules", ())]
    return ProcessRecord(
        name=str(record.get("name", "")),
        id=str(record.get("id", "")),
        version=str(record.get("version", "")),
        components=tuple(map(_component, filter(None, components))),
        paths={
            path["name"]: tuple(("~" if s["negate"] else "") + s["label"] for s in path["steps"])
            for path in configuration.get("paths", ())
        },
    )


def provenance_lines(provenance: FileProvenance) -> Iterator[tuple[str, str]]:
    """Completion and processes line by line, for a screen.

    Yields:
        The part of each line that stands out, and the rest.
    """
    state = "complete" if provenance.complete else "PARTIAL: the job that wrote it did not come to its end"
    yield (
        provenance.file,
        f"  {provenance.events} events, {state}, {provenance.n_digests} branches with digests",
    )
    for history in provenance.histories:
        made = " + ".join(f"{name} {process_id}" for name, process_id in history.processes) or "nobody known"
        yield "", f"  input made by {made}: {', '.join(history.files)}"
    for process in provenance.processes:
        yield "", ""
        yield f"process {process.name}", f"  id {process.id}, eventproc {process.version}"
        for path, labels in process.paths.items():
            yield "", f"  path {path}: {' + '.join(labels)}"
        for component in process.components:
            yield f"  {component.label}", f" = {component.kind} {component.type}"
            for name, value in component.parameters.items():
                untracked = "  (untracked)" if name in component.untracked else ""
                yield "", f"      {name} = {value!r}{untracked}"


def _every_process(file: NativeFile) -> list[Mapping[str, Any]]:
    """Each process once, the file's own last."""
    by_age = zip_longest(*(history.processes for history in file.histories))
    earlier = [process for of_one_age in by_age for process in of_one_age if process is not None]
    every = {key: process for process in (*earlier, *file.history) for key in history_key([process])}
    return list(every.values())


def _component(values: Mapping[str, Any]) -> ComponentRecord:
    return ComponentRecord(
        values["label"], values["kind"], values["type"], values["parameters"], tuple(values["untracked"])
    )


def _records(file: NativeFile) -> dict[str, Table]:
    tables = record_tables()
    return {
        branch.name: tables[branch.type_name].summarise(_all_values(file, branch))
        for branch in file.branches
        if branch.type_name in tables
    }


def _all_values(file: NativeFile, branch: BranchDescription) -> dict[str, Any]:
    """The values of all events that have it, by column; cluster by cluster: no basket is read twice."""
    names = [c.name for c in branch.schema]
    parts: dict[str, list[Any]] = {name: [] for name in names}
    for start, stop in pairwise(file.cluster_limits([branch])):
        present = file.presence(branch, start, stop)
        for c, column in zip(branch.schema, file.read(branch, names, start, stop), strict=True):
            content: Any = column.content
            if c.axis is None and present is not None:
                content = tuple(compress(content, present)) if c.dtype == "str" else content[present]
            parts[c.name].append(content)
    return {c.name: _joined(parts[c.name], c.dtype) for c in branch.schema}


def _joined(parts: list[Any], dtype: str) -> Any:
    if dtype == "str":
        return tuple(word for part in parts for word in part)
    return np.concatenate([np.zeros(0, dtype), *parts])
