"""What to tell a caller whose request no server answered: what was tried, how it ended, what would work."""

from collections.abc import Sequence

from inference_client.errors import (
    DeadlineExceeded,
    InferenceError,
    ServersDown,
    ServersUnavailable,
    TryFailed,
)


def tries_used_up(model: str, failures: Sequence[TryFailed], allowed_tries: int) -> ServersUnavailable:
    """The error for a request whose allowed tries all failed."""
    message = (
        f"no answer for model {model!r}: {told(failures)}; {allowed_tries} tries are allowed. "
        "More tries, other servers or a longer timeout may help"
    )
    return ServersUnavailable(message, len(failures))


def time_used_up(
    model: str, failures: Sequence[TryFailed], timeout_s: float, asked: Sequence[str] = ()
) -> DeadlineExceeded:
    """The error for a request that was not answered by its deadline.

    Args:
        model: What was asked for.
        failures: Tries that failed.
        timeout_s: The time that it had.
        asked: Servers that were being asked when it was over.
    """
    waiting = [f"{address} had not answered yet" for address in asked]
    tried = "; ".join([told(failures)] * bool(failures) + waiting) or "no server was free to take it"
    message = (
        f"no answer for model {model!r} within {round(timeout_s, 3):g} s: {tried}. "
        "A longer timeout, or more or faster servers, may help"
    )
    return DeadlineExceeded(message, len(failures) + len(asked))


def nobody_well(model: str, failures: Sequence[TryFailed]) -> ServersDown:
    """The error for a request that was not to wait for servers that are down."""
    tried = told(failures) if failures else "all servers have failed too often and are left alone for a while"
    message = f"no answer for model {model!r}: {tried}. The request was not to wait for servers that are down"
    return ServersDown(message, len(failures))


def nobody_answers(model: str, failures: Sequence[TryFailed]) -> ServersUnavailable:
    """The error for a start that found no server."""
    message = (
        f"no server answers for model {model!r}: {told(failures)}. "
        "Check the addresses, start a server with `accelerator-server serve FOLDER`, "
        "or let the start wait for one (waitForServers of a job, wait_for_servers_s of a client)"
    )
    return ServersUnavailable(message)


def told(failures: Sequence[InferenceError]) -> str:
    """The failures in order, equal ones counted."""
    counts: dict[str, int] = {}
    for failure in failures:
        counts[str(failure)] = counts.get(str(failure), 0) + 1
    return "; ".join(text if n == 1 else f"{text} ({n} times)" for text, n in counts.items())
