"""Components: loads the plugins a description names and checks their parameters."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from eventproc.errors import ConfigurationError
from eventproc.model.descriptions import ComponentDescription, ProcessDescription
from eventproc.modules.parameters import (
    ParameterDescription,
    convert_parameters,
    parameter_values,
    untracked_names,
)
from eventproc.plugins import check_kind, load_plugin

DEFAULT_SERVICES = ("MessageLogger", "Timing", "MemoryCheck", "ProgressBar")
"""Services that every job has, with default parameters unless its file configures them."""


@dataclass(frozen=True, slots=True)
class Component:
    """A part of a job whose plugin is loaded and whose parameters are checked.

    Attributes:
        description: as the job file has it, parameters completed with the defaults.
        plugin: the class.
        params: an instance of the class's ``Params``.
    """

    description: ComponentDescription
    plugin: Any
    params: ParameterDescription

    @property
    def label(self) -> str:
        """The component's label in the process."""
        return self.description.label


def with_default_services(description: ProcessDescription) -> ProcessDescription:
    """Adds the services every job has, in front: they see the others start."""
    present = {service.type for service in description.services}
    added = tuple(
        ComponentDescription("Service", name, name) for name in DEFAULT_SERVICES if name not in present
    )
    return dataclasses.replace(description, services=added + description.services)


def check_components(descriptions: Iterable[ComponentDescription]) -> list[Component]:
    """Loads each component's class and checks its parameters.

    Raises:
        ConfigurationError: unknown plugins and bad parameters, all of them in one message.
    """
    components, problems = [], []
    for description in descriptions:
        try:
            components.append(_check(description))
        except ConfigurationError as error:
            problems.append(_placed(str(error), description.where))
    if problems:
        raise ConfigurationError("\n".join(problems))
    return components


def _placed(problem: str, where: str) -> str:
    return problem if not where or where in problem else f"{where}: {problem}"


def _check(description: ComponentDescription) -> Component:
    plugin: Any = load_plugin(description.type)
    check_kind(plugin, description)
    whose = f"{description.kind} {description.label!r} ({description.type})"
    params: ParameterDescription = convert_parameters(plugin.Params, description.parameters, whose)
    complete = dataclasses.replace(
        description,
        parameters=parameter_values(params),
        untracked=tuple(sorted({*description.untracked, *untracked_names(plugin.Params)})),
    )
    return Component(complete, plugin, params)
