"""Who asks how much: the clients that came last, for the dashboard."""

from dataclasses import dataclass

_MAX_CLIENTS = 200


@dataclass(slots=True)
class ClientCount:
    """What one client has asked for."""

    n_requests: int = 0
    n_rows: int = 0
    n_refused: int = 0


class ClientCounts:
    """Counts by client, of the two hundred that came last; used by one event loop."""

    def __init__(self) -> None:
        self._counts: dict[str, ClientCount] = {}  # the one that came last is the last

    def of(self, client: str) -> ClientCount:
        """The count of a client that has come just now."""
        count = self._counts.pop(client, None) or ClientCount()
        self._counts[client] = count
        if len(self._counts) > _MAX_CLIENTS:
            self._counts.pop(next(iter(self._counts)))
        return count

    def latest_first(self) -> dict[str, ClientCount]:
        """All of them."""
        return dict(reversed(self._counts.items()))
