"""What can be wrong with a message; each error knows the HTTP status that a server answers it with."""

from typing import ClassVar


class ProtocolError(Exception):
    """A message breaks the protocol.

    Attributes:
        status: HTTP status with which a server refuses such a request.
        code: Short stable word for the error body; the text may change, the code does not.
    """

    status: ClassVar[int] = 400
    code: ClassVar[str] = "bad_request"


class MalformedBodyError(ProtocolError):
    """The bytes are not a message of the expected type."""

    code = "bad_body"


class InvalidTensorError(ProtocolError):
    """A tensor contradicts itself: sizes, counts, indices, datatypes."""

    status = 422
    code = "bad_tensor"


class InvalidNameError(ProtocolError):
    """A model name or version could not be the name of a folder in a repository."""

    status = 404
    code = "bad_name"


class DigestMismatchError(ProtocolError):
    """The body is not the one that was sent; sending it again may succeed."""

    status = 408
    code = "digest"
