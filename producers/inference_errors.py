"""Turns the inference client's errors into the framework's, in the one place where the two meet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from eventproc.errors import ConfigurationError, ExternalFailure
from inference_client import errors as client_errors


class InferenceLost(ExternalFailure):
    """Nobody answered, and the module's onFailure is 'skip': the event goes, the job stays."""

    tries_to_continue = True


@contextmanager
def as_framework_errors() -> Iterator[None]:
    """Translates what the client raises inside.

    Raises:
        ConfigurationError: the job asks for something that waiting will not bring (8009).
        ExternalFailure: no server answered, or one refused for good (8036).
    """
    try:
        yield
    except client_errors.InferenceError as error:
        raise framework_error(error) from error


def framework_error(error: client_errors.InferenceError) -> ConfigurationError | ExternalFailure:
    """The framework's error for one of the client's."""
    if isinstance(error, client_errors.ConfigurationError):
        return ConfigurationError(str(error))
    return ExternalFailure(str(error))
