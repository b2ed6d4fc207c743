"""What the routes share: one value per server, handed to each group of routes."""

from dataclasses import dataclass

from accelerator_server.admission import Admission
from accelerator_server.authentication import Authentication
from accelerator_server.client_counts import ClientCounts
from accelerator_server.config import ServerConfig
from accelerator_server.memory_guard import MemoryGuard
from accelerator_server.metrics import Metrics
from accelerator_server.model_control import ModelControl
from accelerator_server.registry import ModelRegistry
from accelerator_server.sessions import Sessions


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
