"""What can go wrong when a server is asked; each class says whether asking again can help."""

from typing import ClassVar


class InferenceError(Exception):
    """Base of all errors that this package raises on purpose.

    Attributes:
        retryable: The same question may be answered later or elsewhere.
    """

    retryable: ClassVar[bool] = False


class ConfigurationError(InferenceError):
    """The job is set up wrongly; waiting does not help, another setting does."""


class InvalidSettingError(ConfigurationError):
    """A setting of the client has a value that it cannot have."""


class InvalidAddressError(ConfigurationError):
    """A server's address is not of the form http://host:port."""


class CredentialsError(ConfigurationError):
    """The token or a certificate is missing, unreadable or refused."""


class DialectError(ConfigurationError):
    """The server does not speak the protocol's dialect that this client speaks."""


class UnknownModelError(ConfigurationError):
    """The server has no such model or version."""


class ModelMismatchError(ConfigurationError):
    """The server's model is not the one that the caller was made for."""


class RequestMismatchError(ConfigurationError):
    """A request does not fit the model's signature."""


class RecordingError(ConfigurationError):
    """A recording cannot be read, or holds no answer to a request."""


class ServersUnavailable(InferenceError):
    """No server gave an answer within the tries allowed; the servers, not the request, are to blame.

    Attributes:
        tries: How many were made.
    """

    def __init__(self, message: str, tries: int = 0) -> None:
        super().__init__(message)
        self.tries = tries


class ServersDown(ServersUnavailable):
    """Servers are down, and the caller was not to wait for them."""


class DeadlineExceeded(ServersUnavailable):
    """No server gave an answer in time."""


class RequestRefused(InferenceError):
    """The server understood the request and refuses it for good.

    Attributes:
        status: HTTP status of the refusal.
        code: The server's stable word for the reason; may be empty.
    """

    def __init__(self, message: str, status: int, code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class ClientClosed(InferenceError):
    """The client was closed, or not started, when it was asked."""


class LocalServerError(InferenceError):
    """The server on this machine could not be started."""


class LocalServerRefused(LocalServerError, ConfigurationError):
    """The server on this machine cannot serve what it was told to; no second start will change that."""


class TryFailed(InferenceError):
    """One try at one server failed; another try may succeed.

    Attributes:
        counts: The try counts against the allowed ones. A server that took nothing in does not count:
            waiting for it is bounded by the deadline.
        blames_server: The failure speaks against the server's health.
        retry_after_s: What the server asked to wait; None if it did not say.
    """

    retryable = True
    counts: ClassVar[bool] = True
    blames_server: ClassVar[bool] = True

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ServerUnreachable(TryFailed):
    """No connection: refused, no route, no such name, no answer to the connection request."""

    counts = False


class HandshakeLost(ServerUnreachable):
    """The connection ended while TLS was agreed on, or before a first answer; a server says no like this."""


class ConnectionLost(TryFailed):
    """The connection broke after the request was sent, before the answer was complete."""


class TryTimedOut(TryFailed):
    """The server took the request and did not answer in the time of this try."""


class ServerBusy(TryFailed):
    """The server takes nothing more at present (429, 503)."""

    counts = False
    blames_server = False


class ServerFault(TryFailed):
    """The server, or a proxy before it, failed in a way that may pass (408, 502, 504, a lost model)."""


class NotAdmitted(TryFailed):
    """A server that came up in mid-job is not, or not yet, fit to be asked; the request was not sent."""

    counts = False


class BadReply(TryFailed):
    """The answer is nonsense: no length, wrong digest, another request's, wrong number of rows."""
