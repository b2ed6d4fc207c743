"""Loads, replaces and unloads models while the server serves; no request is lost and no failure replaces."""

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from accelerator_server.config import Override, ServerConfig
from accelerator_server.errors import (
    ConfigurationError,
    ModelLoadError,
    ModelNotFoundError,
    ModelRefusedError,
    StartError,
)
from accelerator_server.models.isolation import is_isolated
from accelerator_server.models.model_loading import LoadedModel, load_model
from accelerator_server.models.registry import ModelRegistry
from accelerator_server.models.repository import ModelFolder, find_models, find_versions, versions_to_serve
from accelerator_server.models.served_model import ServedModel
from accelerator_server.models.trial import try_model
from accelerator_server.telemetry.metrics import Metrics
from accelerator_server.workers.roster import WorkerRoster

logger = logging.getLogger(__name__)


class ModelControl:
    """Changes what a registry holds, one change at a time.

    The folder is looked at in threads: it may be a network's, and away.

    Args:
        models: What is served.
        metrics: Where models count their work.
        config: How many versions, how long a trial, how long a replaced model may take to finish.
        repository: Folder of models.
        overrides: What the command line says of models.
    """

    def __init__(
        self,
        models: ModelRegistry,
        metrics: Metrics,
        config: ServerConfig,
        repository: Path,
        overrides: Sequence[Override],
    ) -> None:
        self._models = models
        self._metrics = metrics
        self._config = config
        self._repository = repository
        self._overrides = list(overrides)
        self._one_change = asyncio.Lock()
        self._retiring: set[asyncio.Task[None]] = set()  # held, or the loop would drop them
        self.server_name = config.name
        self.workers = WorkerRoster(config.trial_timeout_s)

    async def load_all(self, names: Sequence[str]) -> None:
        """Loads models one after another and starts to serve each; a refused one does not stop the rest.

        Of versions that are refused the next older ones take the place: after a failed reload, and then a
        restart, the model is served as it was before.
        """
        self._models.loading = set(names)
        for name in names:
            async with self._one_change:  # an admin may load models already
                folders = await asyncio.to_thread(find_versions, self._repository, name)
                loaded, refused = await self._load(folders, all_or_none=False)
                if not folders:
                    message = f"no complete version of model {name} is in the repository any more"
                    refused[0] = ModelRefusedError(message)
                self._serve(name, loaded, refused)
                self._models.loading.discard(name)

    async def load(self, name: str) -> None:
        """Loads a model, or loads it again: the newest versions of its folder replace what is served.

        Raises:
            ModelNotFoundError: The repository has no such model.
            ModelLoadError: It cannot be served; what was served before is still served.
        """
        async with self._one_change:
            folders = await asyncio.to_thread(find_versions, self._repository, name)
            if not folders:
                message = f"the repository has no complete version of a model {name[:80]!r}"
                raise ModelNotFoundError(message)
            loaded, refused = await self._load(folders, all_or_none=True)
            if refused:
                self._models.refuse(name, refused)
                self._show_refused()
                number, error = next(iter(refused.items()))
                message = f"version {number} of model {name} cannot be served: {error}"
                raise ModelLoadError(message) from error
            self._serve(name, loaded, refused)

    async def unload(self, name: str) -> None:
        """Stops to serve a model; what it has accepted is answered.

        Raises:
            ModelNotFoundError: No such model is served or was refused.
        """
        async with self._one_change:
            if name not in self._models.refused:
                self._models.find(name)
            self._serve(name, [], {})
            logger.info("model %s is unloaded", name)

    async def index(self) -> list[dict[str, str]]:
        """The answer of the repository extension: what the registry knows, and what could be loaded."""
        try:
            folders = await asyncio.to_thread(find_models, self._repository)
        except ConfigurationError:  # there are none, or they are away at present
            folders = []
        known = self._models.index()
        names = {entry["name"] for entry in known}
        return known + [
            {
                "name": folder.name,
                "version": str(folder.version),
                "state": "UNAVAILABLE",
                "reason": "not loaded",
            }
            for folder in folders
            if folder.name not in names
        ]

    async def close(self) -> None:
        """Waits for models that were replaced or unloaded, and ends the processes of those not yet loaded."""
        await asyncio.gather(*self._retiring)
        await asyncio.to_thread(self.workers.close)

    async def _load(
        self, folders: Sequence[ModelFolder], *, all_or_none: bool
    ) -> tuple[list[LoadedModel], dict[int, StartError]]:
        """Loads the versions that are to be served; one that is refused counts as if it were not there.

        Args:
            folders: The versions that there are, the newest first.
            all_or_none: Whether nothing is loaded if one of them is refused.

        Returns:
            What was loaded, and why versions were refused.
        """
        loaded: dict[int, LoadedModel] = {}
        refused: dict[int, StartError] = {}
        with ExitStack() as unless_served:
            to_load = await asyncio.to_thread(self._still_to_load, folders, loaded, refused)
            while to_load and not (all_or_none and refused):
                folder = to_load[0]
                try:
                    model = loaded[folder.version] = await self._loaded(folder)
                    unless_served.callback(model.close)
                except StartError as error:
                    _note(folder, error, refused)
                to_load = await asyncio.to_thread(self._still_to_load, folders, loaded, refused)
            if all_or_none and refused:
                return [], refused
            unless_served.pop_all()
        return list(loaded.values()), refused

    def _still_to_load(
        self, folders: Sequence[ModelFolder], loaded: Collection[int], refused: dict[int, StartError]
    ) -> list[ModelFolder]:
        """Versions to be served that are not loaded; if the newest does not say which, it is refused."""
        while True:
            try:
                wanted = versions_to_serve(folders, self._overrides, self._config.versions, refused)
            except ConfigurationError as error:
                newest = next(folder for folder in folders if folder.version not in refused)
                _note(newest, error, refused)
            else:
                return [folder for folder in wanted if folder.version not in loaded]

    def _serve(self, name: str, loaded: Sequence[LoadedModel], refused: Mapping[int, StartError]) -> None:
        served = [ServedModel(model, self.server_name, self._metrics) for model in loaded]
        for one in served:
            one.start()
            instead = f", in the place of {', '.join(map(str, refused))}, refused" if refused else ""
            logger.info("model %s version %s is ready%s", one.name, one.version, instead)
        self._retire(self._models.put(name, served, refused))
        self._show_refused()

    def _show_refused(self) -> None:
        self._metrics.show_refused(self._models.refused)

    async def _loaded(self, folder: ModelFolder) -> LoadedModel:
        try:
            config = await asyncio.to_thread(folder.read_config, self._overrides)
            if is_isolated(config, self._config):
                return await asyncio.to_thread(load_model, folder, self._overrides, self.workers.load)
            # Without a file nothing foreign is read, and a trial would cost half a second for nothing.
            if config.file and self._config.trial_timeout_s:
                await try_model(folder, self._overrides, self._config.trial_timeout_s)
            return await asyncio.to_thread(load_model, folder, self._overrides)
        except StartError:
            raise
        except Exception as error:  # what nobody has foreseen of one model must not end the service of others
            logger.exception("version %d of model %s cannot be loaded", folder.version, folder.name)
            message = f"{type(error).__name__}: {error}"
            raise ModelRefusedError(message) from error

    def _retire(self, models: list[ServedModel]) -> None:
        still_served = {(model.name, model.version) for model in self._models.served()}
        for model in models:
            if (model.name, model.version) not in still_served:
                self._metrics.forget_model(model.name, model.version)
            task = asyncio.ensure_future(self._finish(model))
            self._retiring.add(task)
            task.add_done_callback(self._retiring.discard)

    async def _finish(self, model: ServedModel) -> None:
        if not await model.close(self._config.drain_s):
            logger.error("model %s version %s did not finish its work", model.name, model.version)


def _note(folder: ModelFolder, error: StartError, refused: dict[int, StartError]) -> None:
    logger.error("version %d of model %s is refused: %s", folder.version, folder.name, error)
    refused[folder.version] = error
