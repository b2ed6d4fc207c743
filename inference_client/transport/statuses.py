"""What an HTTP status of a server means to the client."""

from inference_client.errors import (
    CredentialsError,
    InferenceError,
    RequestRefused,
    ServerBusy,
    ServerFault,
    UnknownModelError,
)

OK = 200
_CREDENTIALS = (401, 403)
_BUSY = (429, 503)
_PASSING = (404, 408, 502, 504)
"""A model may be gone from one server and not from another; a digest may be wrong once."""


def refusal(server: str, doing: str, status: int, reason: str, code: str, retry_after: str) -> InferenceError:
    """The error for an answer that is not 200.

    Args:
        server: Address of the server.
        doing: What was asked.
        status: HTTP status.
        reason: The server's sentence; may be empty.
        code: The server's word for programs; may be empty.
        retry_after: Value of the header Retry-After; may be empty.
    """
    text = f"{server} answered {doing} with {status}{': ' if reason else ''}{reason}"
    if status in _CREDENTIALS:
        return CredentialsError(f"{text}; token_file names the file with the token")
    if status in _BUSY:
        return ServerBusy(text, retry_after_s(retry_after))
    if status in _PASSING:
        return ServerFault(text)
    if 300 <= status < 400:
        return ServerFault(f"{text}; redirections are not followed, since they would carry data elsewhere")
    return RequestRefused(text, status, code)


def metadata_refusal(
    server: str, doing: str, status: int, reason: str, code: str, retry_after: str
) -> InferenceError:
    """The same for a question about a server or model, where 404 means that there is no such model."""
    if status == 404:
        return UnknownModelError(f"{server} answered {doing} with 404{': ' if reason else ''}{reason}")
    error = refusal(server, doing, status, reason, code, retry_after)
    return ServerFault(str(error)) if isinstance(error, RequestRefused) else error


def retry_after_s(header: str) -> float | None:
    """Seconds that a header Retry-After asks to wait, at most a minute; None if it gives no number."""
    try:
        seconds = float(header)
    except ValueError:
        return None
    return min(max(seconds, 0.0), 60.0) if seconds == seconds else None
