"""The folder of models: which there are, what their configuration says, whether their files are intact."""

import hashlib
import stat
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from accelerator_server.config import ModelConfig, Override, nearest, read_model_config
from accelerator_server.errors import ConfigurationError, ModelRefusedError
from inference_client.protocol.routes import MODEL_NAME, MODEL_VERSION

CONFIG_FILE = "model.toml"
"""Written last: a version's folder without it is still being copied and is not looked at."""


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """One version of one model on disk."""

    name: str
    version: int
    path: Path

    def read_config(self, overrides: list[Override]) -> ModelConfig:
        """Reads the version's model.toml.

        Raises:
            ConfigurationError: It is not what it should be.
        """
        return read_model_config(self.path / CONFIG_FILE, self.name, overrides)

    def read_model(self, config: ModelConfig) -> bytes:
        """Reads the model's file and checks it against its digest; empty if the model has no file.

        What was checked is what is loaded: the backend gets these bytes, not the path.

        Raises:
            ConfigurationError: The file's name leads out of the folder, or there is no digest.
            ModelRefusedError: The file is not there or not the one that was meant.
        """
        if not config.file:
            return b""
        content = _read_regular_file(self.path, config.file)
        digest = hashlib.sha256(content).hexdigest()
        if digest != config.sha256.lower():
            said = config.sha256 or "nothing"
            message = f"{self.path / config.file} has sha256 {digest}, {CONFIG_FILE} says {said}"
            raise ModelRefusedError(message)
        return content


def find_models(repository: Path) -> list[ModelFolder]:
    """Finds the newest complete version of each model: <repository>/<name>/<version>/model.toml.

    Raises:
        ConfigurationError: The repository is not a folder that can be read, or there is no model in it.
    """
    if not repository.is_dir():
        message = f"model repository {repository} is not a folder"
        raise ConfigurationError(message)
    try:
        paths = sorted(repository.iterdir())
    except OSError as error:
        message = f"cannot read model repository {repository}: {error.strerror}"
        raise ConfigurationError(message) from error
    newest = [
        max(versions, key=lambda folder: folder.version)
        for path in paths
        if MODEL_NAME.fullmatch(path.name) and (versions := _versions(path))
    ]
    if not newest:
        message = f"no model in {repository}: expected <name>/<version>/{CONFIG_FILE}, version a whole number"
        raise ConfigurationError(message)
    return newest


def find_left_alone(repository: Path) -> list[Path]:
    """Finds the folders of a repository that have no complete version of a model."""
    return [
        path
        for path in sorted(repository.iterdir())
        if path.is_dir() and not path.name.startswith(".") and not find_versions(repository, path.name)
    ]


def choose_models(folders: list[ModelFolder], names: Sequence[str]) -> list[ModelFolder]:
    """Keeps the models of these names, all where there are no names.

    Raises:
        ConfigurationError: There is no model of a name.
    """
    known = [folder.name for folder in folders]
    for name in names:
        if name not in known:
            message = f"no model {name[:80]!r} in the repository; there are {nearest(name, known)}"
            raise ConfigurationError(message)
    return [folder for folder in folders if not names or folder.name in names]


def find_versions(repository: Path, name: str) -> list[ModelFolder]:
    """Finds the complete versions of one model, the newest first; none if there is no such model."""
    if not MODEL_NAME.fullmatch(name):
        return []
    return sorted(_versions(repository / name), key=lambda folder: folder.version, reverse=True)


def versions_to_serve(
    folders: Sequence[ModelFolder],
    overrides: list[Override],
    n_newest: int,
    refused: Collection[int] = frozenset(),
) -> list[ModelFolder]:
    """Chooses the versions of a model that are to be served, the newest first.

    Args:
        folders: All that there are, the newest first.
        overrides: What the command line says of models.
        n_newest: How many of the newest, if the newest one's model.toml says nothing else.
        refused: Versions that count as if they were not there.

    Raises:
        ConfigurationError: That file cannot be read, or names versions that are not there.
    """
    left = [folder for folder in folders if folder.version not in refused]
    wanted = left[0].read_config(overrides).versions if left else None
    if wanted == "all":
        return left
    if not isinstance(wanted, list):
        return left[: wanted or n_newest]
    if missing := set(wanted) - {folder.version for folder in folders}:
        numbers = [folder.version for folder in folders]
        message = (
            f"model {folders[0].name}: versions {sorted(missing)} are to be served, and there are {numbers}"
        )
        raise ConfigurationError(message)
    return [folder for folder in left if folder.version in wanted]


def model_at(path: Path) -> ModelFolder:
    """The model of a path: a version's folder, or the newest version in a model's folder.

    Raises:
        ConfigurationError: There is no model at the path.
    """
    path = path.resolve()
    versions = _versions(path) if MODEL_NAME.fullmatch(path.name) else []
    if MODEL_VERSION.fullmatch(path.name):
        versions += [folder for folder in _versions(path.parent) if folder.path == path]
    if versions:
        return max(versions, key=lambda folder: folder.version)
    repository = path if path.is_dir() else path.parent
    names = [folder.name for folder in find_models(repository)]
    message = f"no model at {path}; the models in {repository} are {nearest(path.name, names)}"
    raise ConfigurationError(message)


def check_overrides(overrides: list[Override], folders: list[ModelFolder]) -> None:
    """Checks that every override is meant for a model that is there.

    Raises:
        ConfigurationError: One is not.
    """
    names = [folder.name for folder in folders]
    for override in overrides:
        if not any(override.key_for(name) for name in names):
            model = override.target.partition(".")[0]
            message = f"override {override.target}: no model {model!r}; there are {nearest(model, names)}"
            raise ConfigurationError(message)


def _versions(model: Path) -> list[ModelFolder]:
    try:
        if not model.is_dir():
            return []
        return [
            ModelFolder(model.name, int(path.name), path)
            for path in model.iterdir()
            if MODEL_VERSION.fullmatch(path.name) and _is_complete(path)
        ]
    except (FileNotFoundError, NotADirectoryError):  # it was moved away just now
        return []
    except OSError:
        # Whatever is in it, it is refused by its name when its model.toml is read.
        return [ModelFolder(model.name, 0, model)]


def _is_complete(version: Path) -> bool:
    try:
        return (version / CONFIG_FILE).is_file()
    except OSError:
        return True  # as far as is known; reading it says that it is closed, or what else


def _read_regular_file(folder: Path, name: str) -> bytes:
    path = folder / name
    if Path(name).name != name or path.is_symlink():
        message = f"{folder / CONFIG_FILE}: file {name!r} must be a plain file of the same folder"
        raise ConfigurationError(message)
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            message = f"{path} is not a regular file"
            raise ModelRefusedError(message)
        return path.read_bytes()
    except OSError as error:
        message = f"cannot read {path}: {error.strerror}; the folder has {nearest(name, _files_of(folder))}"
        raise ModelRefusedError(message) from error


def _files_of(folder: Path) -> list[str]:
    try:
        return [path.name for path in folder.iterdir() if path.is_file()]
    except OSError:
        return []
