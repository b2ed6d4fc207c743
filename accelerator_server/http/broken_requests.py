"""What the log says of bytes that are no request: one line without them, since they may hold a token."""

import logging

from aiohttp.http_exceptions import HttpProcessingError


class _WithoutBytes(logging.Filter):
    """Shortens aiohttp's record of what it could not read, which quotes it and comes with a traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Changes the record of such an error; lets all pass."""
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, HttpProcessingError):
            record.levelno, record.levelname = logging.WARNING, "WARNING"
            record.msg += ": %s"
            record.args = (*(record.args or ()), type(error).__name__)
            record.exc_info = None
        return True


logger = logging.getLogger("accelerator_server.http")
"""For aiohttp to write to."""

logger.addFilter(_WithoutBytes())
