"""What can go wrong in a server; each error carries its own consequence.

A refused request knows its HTTP status, a failed start its exit code. What breaks the wire itself is a
`ProtocolError` of `inference_client.protocol.errors`, which knows its status in the same way.
"""

from collections.abc import Mapping
from typing import ClassVar


class AcceleratorServerError(Exception):
    """Base of all errors of the server."""


class RefusedRequestError(AcceleratorServerError):
    """A request is answered with an error; the message goes to the client, so it names no files.

    Attributes:
        status: HTTP status of the answer.
        code: Short stable word in the answer's body.
        retry_after_s: Seconds after which to try again; 0 where trying again is of no use.
        headers: What else the answer says in its headers.
    """

    status: ClassVar[int] = 400
    code: ClassVar[str] = "bad_request"
    retry_after_s: ClassVar[int] = 0
    headers: ClassVar[Mapping[str, str]] = {}


class MalformedRequestError(RefusedRequestError):
    """A header or the JSON part of a body says nothing that makes sense."""


class UnauthenticatedError(RefusedRequestError):
    """No token, or one that the server does not know."""

    status = 401
    code = "unauthenticated"
    headers: ClassVar[Mapping[str, str]] = {"WWW-Authenticate": "Bearer"}


class ForbiddenError(RefusedRequestError):
    """The token is known, and may not do this."""

    status = 403
    code = "forbidden"


class ModelNotFoundError(RefusedRequestError):
    """No such model, or no such version of it."""

    status = 404
    code = "model_not_found"


class SlowBodyError(RefusedRequestError):
    """The body did not arrive in time."""

    status = 408
    code = "slow_body"


class BodyTooLargeError(RefusedRequestError):
    """The body is larger than the server accepts."""

    status = 413
    code = "body_too_large"


class TooManyRowsError(RefusedRequestError):
    """More rows in one request than the model accepts; the client must split it."""

    status = 413
    code = "too_many_rows"


class UnsupportedMediaTypeError(RefusedRequestError):
    """The body is of a type or encoding that the server does not read."""

    status = 415
    code = "unsupported_media_type"


class SignatureMismatchError(RefusedRequestError):
    """The tensors do not fit the model's signature."""

    status = 422
    code = "signature"


class NonfiniteInputError(RefusedRequestError):
    """An input holds NaN or an infinity, and the model takes none."""

    status = 422
    code = "nonfinite"


class InfiniteInJsonError(RefusedRequestError):
    """An output holds infinities, which JSON has no word for; in binary it can be had."""

    status = 422
    code = "infinite_in_json"


class QuarantinedInputError(RefusedRequestError):
    """This very input has ended the process of a device twice; it is not run again."""

    status = 422
    code = "quarantined"


class ModelLoadError(RefusedRequestError):
    """A model that was to be loaded is not fit to be served; the message goes to an admin and names files."""

    status = 422
    code = "model_refused"


class ClientTooFastError(RefusedRequestError):
    """Too much of the queue is this client's already."""

    status = 429
    code = "client_too_fast"
    retry_after_s = 1


class BackendFailedError(RefusedRequestError):
    """The backend failed on this very input; another attempt would fail again."""

    status = 500
    code = "backend_failed"


class NanOutputError(RefusedRequestError):
    """The model answers NaN to this input, which is no result; another attempt would give the same."""

    status = 500
    code = "nan_output"


class QueueFullError(RefusedRequestError):
    """The model's queue is full."""

    status = 503
    code = "queue_full"
    retry_after_s = 1


class MemoryFullError(RefusedRequestError):
    """There is no memory for more work at present."""

    status = 503
    code = "memory_full"
    retry_after_s = 1


class TooManyConnectionsError(RefusedRequestError):
    """More connections than the server holds; this one is closed."""

    status = 503
    code = "too_many_connections"
    retry_after_s = 1


class ModelNotReadyError(RefusedRequestError):
    """The model exists but is not being served now."""

    status = 503
    code = "model_not_ready"
    retry_after_s = 5


class DeviceGoneError(RefusedRequestError):
    """The device failed for good while it had the request; another server, or another device, can answer."""

    status = 503
    code = "device_lost"
    retry_after_s = 5


class WorkerGoneError(RefusedRequestError):
    """The process of the device ended while it had the request; it is started again."""

    status = 503
    code = "worker_died"
    retry_after_s = 1


class DrainingError(RefusedRequestError):
    """The server is about to stop."""

    status = 503
    code = "draining"
    retry_after_s = 5


class DeadlinePassedError(RefusedRequestError):
    """The client's deadline passed before the result was there."""

    status = 504
    code = "deadline"


class BackendContractError(AcceleratorServerError):
    """A backend returned something else than its model's outputs."""


class WorkerDiedError(AcceleratorServerError):
    """The process of a device is not there, or ended while it had a batch.

    Attributes:
        had_batch: Whether the batch may be what ended it.
    """

    def __init__(self, message: str, *, had_batch: bool) -> None:
        super().__init__(message)
        self.had_batch = had_batch


class StartError(AcceleratorServerError):
    """The server, or one of its models, cannot start.

    Attributes:
        exit_code: What the command line ends with; 2 is a usage error of the command line itself.
    """

    exit_code: ClassVar[int] = 3


class ConfigurationError(StartError):
    """A configuration file, an option or an override says something impossible."""


class ModelRefusedError(StartError):
    """A model's files contradict what its configuration says of them."""

    exit_code = 4


class BackendUnavailableError(StartError):
    """The library or device that a model asks for is not here; nothing else is taken in its place."""

    exit_code = 5


class AddressError(StartError):
    """The address cannot be listened on."""

    exit_code = 6
