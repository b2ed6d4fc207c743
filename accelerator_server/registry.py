"""The models of one server: which are served, which were refused and why."""

import asyncio
import logging
from dataclasses import dataclass, field

from accelerator_server.config import Override, nearest
from accelerator_server.errors import ModelNotFoundError, ModelNotReadyError, StartError
from accelerator_server.metrics import Metrics
from accelerator_server.model_loading import load_model
from accelerator_server.repository import ModelFolder
from accelerator_server.served_model import ServedModel

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class ModelRegistry:
    """Models by name.

    Attributes:
        served: Ready models.
        refused: Models that could not be loaded, with the error; only the log tells it in full.
    """

    served: dict[str, ServedModel] = field(default_factory=dict)
    refused: dict[str, StartError] = field(default_factory=dict)
    loading: set[str] = field(default_factory=set)

    async def load(
        self, folders: list[ModelFolder], overrides: list[Override], server_name: str, metrics: Metrics
    ) -> None:
        """Loads models one after another and starts to serve each; a refused one does not stop the rest."""
        self.loading = {folder.name for folder in folders}
        for folder in folders:
            try:
                loaded = await asyncio.to_thread(load_model, folder, overrides)
            except StartError as error:
                logger.error("model %s version %d is refused: %s", folder.name, folder.version, error)
                self.refused[folder.name] = error
            else:
                model = ServedModel(loaded, server_name, metrics)
                model.start()
                self.served[folder.name] = model
                logger.info("model %s version %d is ready", folder.name, folder.version)
            self.loading.discard(folder.name)

    @property
    def ready(self) -> bool:
        """Whether loading is over and no model was refused."""
        return bool(self.served) and not self.loading and not self.refused

    def find(self, name: str, version: str = "") -> ServedModel:
        """The model of that name; without a version the one that is served.

        Raises:
            ModelNotFoundError: There is no such model or version.
            ModelNotReadyError: It is still loading, or was refused.
        """
        model = self.served.get(name)
        if model is not None and version in ("", model.version):
            return model
        if model is not None:
            message = f"model {name} has version {model.version}, not {version[:40]}"
            raise ModelNotFoundError(message)
        if name in self.loading or name in self.refused:
            message = f"model {name} is {'loading' if name in self.loading else 'refused'}"
            raise ModelNotReadyError(message)
        message = f"no model {name[:80]!r}; there are {nearest(name, list(self.served))}"
        raise ModelNotFoundError(message)

    def index(self) -> list[dict[str, str]]:
        """The answer of the repository extension: name, version, state and reason of each model."""
        served = [
            {"name": model.name, "version": model.version, "state": "READY", "reason": ""}
            for model in self.served.values()
        ]
        loading = [{"name": name, "state": "LOADING", "reason": ""} for name in sorted(self.loading)]
        refused = [
            {"name": name, "state": "UNAVAILABLE", "reason": type(error).__name__}
            for name, error in self.refused.items()
        ]
        return served + loading + refused

    def abandon(self) -> None:
        """Refuses what still waits for any model."""
        for model in self.served.values():
            model.abandon()

    async def close(self, timeout_s: float) -> bool:
        """Closes all models; returns whether all their devices finished in time."""
        return all([await model.close(timeout_s) for model in self.served.values()])
