"""How many processes of devices a server will have, told before any of them runs."""

from collections.abc import Sequence
from pathlib import Path

from accelerator_server.config import Override, ServerConfig
from accelerator_server.errors import ConfigurationError
from accelerator_server.models.isolation import is_isolated
from accelerator_server.models.repository import ModelFolder, find_versions, versions_to_serve


def count_workers(
    repository: Path, names: Sequence[str], overrides: list[Override], server: ServerConfig
) -> int:
    """Processes that run at the same time: those of all models, and once more those of the largest.

    While a model is loaded again, its old and its new processes are there.

    Args:
        repository: Folder of models; what cannot be read there counts nothing, since it will not be served.
        names: Models to load; all where none is named.
        overrides: What the command line says of models.
        server: How many versions are served, and whether in processes.
    """
    if not names and repository.is_dir():
        names = [path.name for path in repository.iterdir()]
    of_models = [
        sum(
            _of_version(folder, overrides, server)
            for folder in _versions(repository, name, overrides, server)
        )
        for name in names
    ]
    return sum(of_models) + max(of_models, default=0)


def _versions(
    repository: Path, name: str, overrides: list[Override], server: ServerConfig
) -> list[ModelFolder]:
    try:
        return versions_to_serve(find_versions(repository, name), overrides, server.versions)
    except ConfigurationError:
        return []


def _of_version(folder: ModelFolder, overrides: list[Override], server: ServerConfig) -> int:
    try:
        model = folder.read_config(overrides)
    except ConfigurationError:
        return 0
    return model.instances if is_isolated(model, server) else 0
