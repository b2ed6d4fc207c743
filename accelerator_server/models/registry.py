"""The models of one server: which are served, which were refused and why, how one replaces another."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain
from types import MappingProxyType

from accelerator_server.config import nearest
from accelerator_server.errors import ModelNotFoundError, ModelNotReadyError, StartError
from accelerator_server.models.served_model import ServedModel
from inference_client.protocol.routes import MODEL_VERSION

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class ModelRegistry:
    """Models by name and version; used by one event loop.

    Attributes:
        versions: Served versions of each model, by number.
        refused: Of each model the versions that were to be served and cannot be, with the error, which only
            the log tells in full; version 0 where there was none to try.
        loading: Models that are being loaded and have no version that serves yet.
    """

    versions: dict[str, dict[int, ServedModel]] = field(default_factory=dict)
    refused: dict[str, dict[int, StartError]] = field(default_factory=dict)
    loading: set[str] = field(default_factory=set)

    @property
    def ready(self) -> bool:
        """Whether loading is over, each model has versions that serve, and each of them a device."""
        return bool(self.versions) and not self.what_is_missing()

    def what_is_missing(self) -> list[str]:
        """Why the server is not ready, a few words for each model concerned."""
        refused = self.refused.keys() - self.versions.keys()
        without_device = [f"{model.name} {model.version}" for model in self.served() if not model.is_ready]
        return [
            *(f"{name} is loading" for name in sorted(self.loading)),
            *(f"{name} is refused" for name in sorted(refused)),
            *(f"{name} has no device that works" for name in without_device),
        ]

    def served(self) -> list[ServedModel]:
        """All versions of all models that are served."""
        return list(chain.from_iterable(versions.values() for versions in self.versions.values()))

    def find(self, name: str, version: str = "") -> ServedModel:
        """The model of that name; without a version the newest that is served.

        Raises:
            ModelNotFoundError: There is no such model or version.
            ModelNotReadyError: It, or this version, is still loading, was refused, or has lost its devices.
        """
        versions = self.versions.get(name)
        if not versions:
            raise self._missing(name)
        number = max(versions) if not version else int(version) if MODEL_VERSION.fullmatch(version) else 0
        model = versions.get(number)
        if model is None:
            there_are = f"model {name} has version {', '.join(map(str, sorted(versions)))}"
            if number in self.refused.get(name, {}):
                message = f"{there_are}; {number} is refused"
                raise ModelNotReadyError(message)
            message = f"{there_are}, not {version[:40]}"
            raise ModelNotFoundError(message)
        return _ready(model)

    def index(self) -> list[dict[str, str]]:
        """Name, version, state and reason of each model, as the repository extension wants them."""
        served: list[dict[str, str]] = [
            {
                "name": model.name,
                "version": model.version,
                "state": "READY" if model.is_ready else "UNAVAILABLE",
                "reason": self._reason(model),
            }
            for model in self.served()
        ]
        loading = [{"name": name, "state": "LOADING", "reason": ""} for name in sorted(self.loading)]
        refused = [
            {"name": name, "version": str(number), "state": "UNAVAILABLE", "reason": type(error).__name__}
            for name, errors in self.refused.items()
            for number, error in errors.items()
            if number not in self.versions.get(name, {})
        ]
        return served + loading + refused

    def put(
        self, name: str, models: list[ServedModel], refused: Mapping[int, StartError] = MappingProxyType({})
    ) -> list[ServedModel]:
        """Lets these versions serve a model from now on.

        Args:
            name: Of the model.
            models: Its versions.
            refused: Why others do not serve.

        Returns:
            Those that served it before; requests in their queues are still to be answered.
        """
        old = list(self.versions.pop(name, {}).values())
        if models:
            self.versions[name] = {int(model.version): model for model in models}
        self.refuse(name, refused)
        return old

    def refuse(self, name: str, refused: Mapping[int, StartError]) -> None:
        """Notes which versions of a model cannot be served; those that serve go on."""
        self.refused.pop(name, None)
        if refused:
            self.refused[name] = dict(refused)

    def abandon(self) -> None:
        """Refuses what still waits for any model."""
        for model in self.served():
            model.abandon()

    async def close(self, timeout_s: float) -> bool:
        """Closes all models; returns whether all their devices finished in time."""
        return all(await asyncio.gather(*[model.close(timeout_s) for model in self.served()]))

    def _reason(self, model: ServedModel) -> str:
        """Why a version is not ready, or why it could not be loaded again and serves as it was."""
        if model.is_ready:
            error = self.refused.get(model.name, {}).get(int(model.version))
            return "" if error is None else type(error).__name__
        return "device lost" if model.is_lost else "worker restarts"

    def _missing(self, name: str) -> ModelNotFoundError | ModelNotReadyError:
        if name in self.loading or name in self.refused:
            return ModelNotReadyError(f"model {name} is {'loading' if name in self.loading else 'refused'}")
        return ModelNotFoundError(f"no model {name[:80]!r}; there are {nearest(name, list(self.versions))}")


def _ready(model: ServedModel) -> ServedModel:
    if model.is_lost:
        message = f"no device of model {model.name} works; an admin can load it again"
        raise ModelNotReadyError(message)
    return model
