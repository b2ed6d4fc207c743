"""What the routes share: one value per server, handed to each group of routes."""

from dataclasses import dataclass

from accelerator_server.admission import Admission
from accelerator_server.config import ServerConfig
from accelerator_server.metrics import Metrics
from accelerator_server.registry import ModelRegistry


@dataclass(frozen=True, slots=True)
class ServerState:
    """The parts of a running server.

    Attributes:
        config: Its limits.
        models: Its models.
        admission: Who is inside.
        metrics: What it counts.
    """

    config: ServerConfig
    models: ModelRegistry
    admission: Admission
    metrics: Metrics
