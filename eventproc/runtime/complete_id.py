"""complete_id: the ParameterSet ID that files and reports of a job will have, without building the job."""

from __future__ import annotations

import dataclasses

from eventproc.model.descriptions import ProcessDescription
from eventproc.runtime.components import check_components


def complete_id(description: ProcessDescription) -> str:
    """The ID of a job whose components have all their defaults written out, as `build` does.

    Raises:
        ConfigurationError: unknown plugins and bad parameters, all of them in one message.
    """
    steps = [step.label for path in description.paths for step in path.steps]
    runs = {*steps, *description.unscheduled}
    wanted = [module for module in description.modules if module.label in runs]
    source, *modules = (c.description for c in check_components([description.source, *wanted]))
    complete = {module.label: module for module in modules}
    return dataclasses.replace(
        description, source=source, modules=tuple(complete.get(m.label, m) for m in description.modules)
    ).id
