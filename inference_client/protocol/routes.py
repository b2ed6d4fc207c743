"""Paths of the Open Inference Protocol v2: constants, and builders for those that name a model."""

import re

from inference_client.protocol.errors import InvalidNameError

SERVER = "/v2"
LIVE = "/v2/health/live"
READY = "/v2/health/ready"
REPOSITORY_INDEX = "/v2/repository/index"
REPOSITORY_LOAD = "/v2/repository/models/{model}/load"
REPOSITORY_UNLOAD = "/v2/repository/models/{model}/unload"
METRICS = "/metrics"
OPENAPI = "/openapi.json"
DASHBOARD = "/"
DASHBOARD_NUMBERS = "/dashboard.json"
LOGIN = "/login"
LOGOUT = "/logout"

MODEL_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
MODEL_VERSION = re.compile(r"[1-9][0-9]{0,17}")


def check_model_name(name: str) -> None:
    """Checks that a name could be a model's folder.

    Raises:
        InvalidNameError: It could not.
    """
    if MODEL_NAME.fullmatch(name) is None:
        message = f"model name {name[:80]!r} is not of the form {MODEL_NAME.pattern}"
        raise InvalidNameError(message)


def check_model_version(version: str) -> None:
    """Checks that a version is a positive whole number in decimal digits.

    Raises:
        InvalidNameError: It is not.
    """
    if MODEL_VERSION.fullmatch(version) is None:
        message = f"model version {version[:80]!r} is not a positive whole number"
        raise InvalidNameError(message)


def model_path(model: str, version: str = "") -> str:
    """Path of a model's metadata; without a version the server chooses.

    Raises:
        InvalidNameError: The name or version is none.
    """
    check_model_name(model)
    if not version:
        return f"/v2/models/{model}"
    check_model_version(version)
    return f"/v2/models/{model}/versions/{version}"


def infer_path(model: str, version: str = "") -> str:
    """Path to which inference requests are posted.

    Raises:
        InvalidNameError: The name or version is none.
    """
    return model_path(model, version) + "/infer"
