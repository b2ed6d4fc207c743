"""Names of the HTTP headers and content types that travel beside the messages."""

MSGPACK = "application/msgpack"
JSON = "application/json"
BINARY = "application/octet-stream"

REQUEST_ID = "X-Request-Id"
"""The request's id, stable over retries, so that a server can recognise a repeat."""

DEADLINE_MS = "X-Deadline-Ms"
"""Milliseconds left to the request when it was sent; no wall clock is compared."""

BODY_CRC32 = "X-Body-Crc32"
"""`body_crc32` of the body as sent, in both directions."""

CLIENT_ID = "X-Client-Id"
"""Who asks, for fairness, where no token says it."""

INFERENCE_HEADER_LENGTH = "Inference-Header-Content-Length"
"""Length of the JSON part of a body with binary tensors (Triton's binary data extension)."""

RETRY_AFTER = "Retry-After"
"""Seconds after which a 429 or 503 may be tried again."""
