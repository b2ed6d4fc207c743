"""The engines by name; one is imported when it is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path

from eventproc.batch.engines.base import Engine
from eventproc.errors import ConfigurationError, near_names

ENGINES = {
    "dask": "eventproc.batch.engines.dask:DaskEngine",
    "htcondor": "eventproc.batch.engines.htcondor:HTCondorEngine",
    "local": "eventproc.batch.engines.local:LocalEngine",
    "slurm": "eventproc.batch.engines.slurm:SlurmEngine",
}


def make_engine(name: str, task: str, folder: Path, options: Mapping[str, str]) -> Engine:
    """The engine of a name.

    Raises:
        ConfigurationError: there is none, or it has no such option.
    """
    if name not in ENGINES:
        message = f"no engine {name!r}: {near_names(name, ENGINES)}"
        raise ConfigurationError(message)
    module, _, attribute = ENGINES[name].partition(":")
    engine: type[Engine] = getattr(importlib.import_module(module), attribute)
    return engine(task, folder, options)
