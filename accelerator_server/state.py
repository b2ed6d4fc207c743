"""What the routes share: one value per server, handed to each group of routes."""

from dataclasses import dataclass

from accelerator_server.access_control.authentication import Authentication
from accelerator_server.access_control.sessions import Sessions
from accelerator_server.config import ServerConfig
from accelerator_server.limits.admission import Admission
from accelerator_server.limits.memory_guard import MemoryGuard
from accelerator_server.models.model_control import ModelControl
from accelerator_server.models.registry import ModelRegistry
from accelerator_server.telemetry.client_counts import ClientCounts
from accelerator_server.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True)
class ServerState:
    """The parts of a running server.

    Attributes:
        config: Its limits.
        models: Its models.
        control: What loads and unloads them.
        admission: Who is inside.
        memory: What there is room for.
        metrics: What it counts.
        authentication: Who may ask.
        sessions: Who has logged in to the dashboard.
        clients: Who has asked for what.
    """

    config: ServerConfig
    models: ModelRegistry
    control: ModelControl
    admission: Admission
    memory: MemoryGuard
    metrics: Metrics
    authentication: Authentication
    sessions: Sessions
    clients: ClientCounts
