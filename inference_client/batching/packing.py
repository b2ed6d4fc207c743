"""Which rows travel together: splits what is too large, joins what fits, halves what was refused."""

from collections import deque
from collections.abc import Sequence
from itertools import pairwise

from inference_client.requests.ticket import Part, Ticket


def split(ticket: Ticket, max_rows: int) -> list[Part]:
    """Cuts a request into parts that fit into a body, the fewest possible and of nearly equal size."""
    if ticket.n_rows <= max_rows:
        return [Part(ticket, 0, ticket.n_rows)]
    n_parts = -(-ticket.n_rows // max_rows)
    edges = [ticket.n_rows * k // n_parts for k in range(n_parts + 1)]
    return [Part(ticket, start, stop) for start, stop in pairwise(edges)]


def take(queue: deque[Part], max_rows: int) -> list[Part]:
    """Takes the parts of the next body from the head of a queue, and drops those that nobody waits for.

    The body is of one kind; parts of other kinds keep their places.

    Args:
        queue: Parts in order of arrival; shortened.
        max_rows: Most rows of the body; a single part may be larger.

    Returns:
        Parts in order of arrival; none if nobody waits any more.
    """
    taken: list[Part] = []
    passed_over: list[Part] = []
    n_rows = 0
    while queue and n_rows < max_rows:
        part = queue.popleft()
        if not part.ticket.is_open:
            continue
        if taken and part.ticket.kind != taken[0].ticket.kind:
            passed_over.append(part)
        elif taken and n_rows + part.n_rows > max_rows:
            queue.appendleft(part)
            break
        else:
            taken.append(part)
            n_rows += part.n_rows
    queue.extendleft(reversed(passed_over))
    return taken


def halves(parts: Sequence[Part]) -> tuple[list[Part], list[Part]]:
    """Cuts the parts of a body into two bodies of about equal size; a single part is cut between its rows.

    Args:
        parts: Two rows or more in all.
    """
    if len(parts) > 1:
        middle = len(parts) // 2
        return list(parts[:middle]), list(parts[middle:])
    ticket, start, stop = parts[0].ticket, parts[0].start, parts[0].stop
    middle = (start + stop) // 2
    return [Part(ticket, start, middle)], [Part(ticket, middle, stop)]
