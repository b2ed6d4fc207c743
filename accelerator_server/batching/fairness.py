"""Whose turn it is: clients that wait share a device by rows, whoever of them sends more requests.

Start-time fair queueing: a request's turn comes after what its client has asked for already, counted from
the turn that the device is at. See Goyal, Vin, Cheng, IEEE/ACM Trans. Networking 5 (1997) 690.
"""

from dataclasses import dataclass


@dataclass(slots=True)
class _Account:
    n_waiting: int = 0
    next_turn: float = 0.0


class FairTurns:
    """Gives out turns and keeps count of who waits.

    Args:
        max_accounts: Clients remembered before those that are even with the rest are forgotten.
    """

    def __init__(self, max_accounts: int = 1024) -> None:
        self._max_accounts = max_accounts
        self._accounts: dict[str, _Account] = {}
        self._now = 0.0  # the turn that the device is at, in rows

    def __len__(self) -> int:
        return len(self._accounts)

    def n_waiting(self, client: str) -> int:
        """How many requests of a client wait."""
        account = self._accounts.get(client)
        return account.n_waiting if account else 0

    def enter(self, client: str, n_rows: int) -> float:
        """A request begins to wait.

        Returns:
            Its turn; lower ones come first.
        """
        account = self._accounts.get(client)
        if account is None:
            self._forget_idle()
            account = self._accounts[client] = _Account()
        turn = max(self._now, account.next_turn)
        account.next_turn = turn + n_rows
        account.n_waiting += 1
        return turn

    def leave(self, client: str, turn: float, *, taken: bool) -> None:
        """A request waits no more: a device has taken it, or nobody wants it."""
        self._accounts[client].n_waiting -= 1
        if taken:
            self._now = max(self._now, turn)

    def _forget_idle(self) -> None:
        if len(self._accounts) < self._max_accounts:
            return
        self._accounts = {client: account for client, account in self._accounts.items() if account.n_waiting}
