"""Which of the requests that wait run together next, and whether it pays to wait for more of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar


class Waiting(Protocol):
    """What waits.

    Attributes:
        n_rows: Its rows.
        accepted_s: Since when it waits, monotonic time.
        deadline_s: When it is not worth running any more; infinite for never.
    """

    n_rows: int
    accepted_s: float
    deadline_s: float


_Waiting = TypeVar("_Waiting", bound=Waiting)


@dataclass(frozen=True, slots=True)
class BatchRule:
    """How requests are fused.

    Attributes:
        best_rows: Rows up to which they are.
        preferred_rows: Sizes of batches that the device runs best; one that can be made is run without delay.
        max_delay_s: Time that a request may wait for others to fill its batch.
    """

    best_rows: int
    preferred_rows: frozenset[int] = frozenset()
    max_delay_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Choice(Generic[_Waiting]):
    """What to do with those who wait.

    Attributes:
        batch: To be run now, together.
        n_expired: So many more among the first waiting ones are to be forgotten.
        look_again_s: When to choose again though nobody came; only without a batch.
    """

    batch: list[_Waiting]
    n_expired: int = 0
    look_again_s: float = float("inf")


def choose_batch(waiting: Iterable[_Waiting], rule: BatchRule, now_s: float) -> Choice[_Waiting]:
    """Chooses the next batch: the first who wait, in order, as long as their rows fit.

    It ends at the largest preferred size that comes out even, if there is one. Else, if there is room for
    more, it waits until the first delay is over, or half of the time to a deadline, should that be sooner.
    Expired requests are left out. One larger than `best_rows` makes a batch of its own.

    Args:
        waiting: In the order of their turns.
        rule: How they are fused.
        now_s: Monotonic time.
    """
    batch: list[_Waiting] = []
    n_rows = n_expired = 0
    preferred: Choice[_Waiting] | None = None
    is_full = False
    go_s = float("inf")
    for job in waiting:
        if job.deadline_s <= now_s:
            n_expired += 1
            continue
        is_full = bool(batch) and n_rows + job.n_rows > rule.best_rows
        if is_full:
            break
        batch.append(job)
        n_rows += job.n_rows
        if rule.max_delay_s:
            delay_s = min(rule.max_delay_s, (job.deadline_s - job.accepted_s) / 2)
            go_s = min(go_s, job.accepted_s + delay_s)
        if n_rows in rule.preferred_rows:
            preferred = Choice(batch.copy(), n_expired)
    if preferred is not None:
        return preferred
    if not batch or is_full or n_rows >= rule.best_rows or not rule.max_delay_s or go_s <= now_s:
        return Choice(batch, n_expired)
    return Choice([], look_again_s=go_s)
