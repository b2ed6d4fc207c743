"""The frozen configuration of one job: the task's, with the job's slice and its outputs put in."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eventproc.batch.records import FileRecord, JobRecord
from eventproc.errors import ConfigurationError
from eventproc.model.descriptions import ComponentDescription, ProcessDescription

_SLICE = ("fileNames", "entriesToProcess", "lumisToProcess")
_BY_ID = ("lumisToSkip", "eventsToProcess", "eventsToSkip")
"""Selections that would make a job's events fewer than its slice has."""


def check_divisible(description: ProcessDescription) -> None:
    """Checks that a job can be split.

    Raises:
        ConfigurationError: its source reads no files, or it limits or skips events, which would then hold
            for every job.
    """
    source = description.source
    if "fileNames" not in source.parameters:
        message = (
            f"source {source.type} reads no files, so that there is no dataset to split; "
            "--identical N runs the whole job N times"
        )
        raise ConfigurationError(message)
    if description.max_events >= 0 or source.parameters.get("skipEvents"):
        message = "maxEvents and skipEvents would hold for each job; leave them out and choose the dataset"
        raise ConfigurationError(message)
    by_id = [name for name in _BY_ID if source.parameters.get(name)]
    if by_id:
        message = f"{' and '.join(by_id)} cannot be divided among jobs; select with --lumi-mask"
        raise ConfigurationError(message)
    given = [name for name in _SLICE[1:] if source.parameters.get(name)]
    if given:
        message = f"{' and '.join(given)} are what submission sets; use --lumi-mask or a file set with steps"
        raise ConfigurationError(message)


def output_names(description: ProcessDescription) -> dict[str, str]:
    """Label and file name, without folder, of each output module that runs.

    Raises:
        ConfigurationError: two outputs have the same name, or there is none.
    """
    runs = {step.label for path in description.paths for step in path.steps}
    names = {
        module.label: Path(str(module.parameters["fileName"])).name
        for module in description.modules
        if module.kind == "OutputModule" and module.label in runs and "fileName" in module.parameters
    }
    if len(set(names.values())) < len(names):
        message = f"output modules {', '.join(names)} write files of the same name; give each its own"
        raise ConfigurationError(message)
    if not names:
        message = "the job has no output module on a path: its jobs would leave nothing to collect"
        raise ConfigurationError(message)
    return names


def job_configuration(
    description: ProcessDescription, job: JobRecord, outputs: Mapping[str, str]
) -> ProcessDescription:
    """The configuration of one job.

    Args:
        description: the task's.
        job: what it reads; without files the source stays as it is.
        outputs: file name of each output module; the file is written where the job runs.
    """
    modules = tuple(
        _with(module, {"fileName": outputs[module.label]}) if module.label in outputs else module
        for module in description.modules
    )
    source = with_files(description.source, job.files, job.lumis) if job.files else description.source
    return dataclasses.replace(description, source=source, modules=modules)


def with_files(
    source: ComponentDescription, files: Sequence[FileRecord], lumis: Sequence[str]
) -> ComponentDescription:
    """A source that reads a slice."""
    values: dict[str, Any] = {"fileNames": [file.name for file in files]}
    if any(file.entries for file in files):
        values["entriesToProcess"] = [file.entries for file in files]
    if lumis:
        values["lumisToProcess"] = list(lumis)
    return _with(source, values)


def _with(component: ComponentDescription, values: Mapping[str, Any]) -> ComponentDescription:
    untracked = tuple(dict.fromkeys([*component.untracked, *values]))
    parameters = {**component.parameters, **values}
    return dataclasses.replace(component, parameters=parameters, untracked=untracked)
