"""What HTTP statuses mean: wait, go elsewhere, or give up."""

import pytest

from inference_client.errors import (
    ConfigurationError,
    CredentialsError,
    RequestRefused,
    ServerBusy,
    ServerFault,
    UnknownModelError,
)
from inference_client.transport.statuses import metadata_refusal, refusal, retry_after_s


def error_for(status: int, function=refusal, retry_after: str = ""):
    return function("http://a:1", "request r", status, "the reason", "code", retry_after)


@pytest.mark.parametrize(
    ("status", "kind", "is_retryable"),
    [
        (400, RequestRefused, False), (401, CredentialsError, False), (403, CredentialsError, False),
        (404, ServerFault, True), (405, RequestRefused, False), (408, ServerFault, True),
        (413, RequestRefused, False), (415, RequestRefused, False), (422, RequestRefused, False),
        (429, ServerBusy, True), (500, RequestRefused, False), (502, ServerFault, True),
        (503, ServerBusy, True), (504, ServerFault, True), (301, ServerFault, True),
    ],
)  # fmt: skip
def test_each_status_of_an_inference_has_its_meaning(status, kind, is_retryable):
    error = error_for(status)
    assert type(error) is kind
    assert error.retryable is is_retryable
    assert "http://a:1 answered request r with" in str(error)
    assert "the reason" in str(error)


def test_metadata_of_a_missing_model_is_a_matter_of_configuration():
    assert type(error_for(404, metadata_refusal)) is UnknownModelError
    assert issubclass(UnknownModelError, ConfigurationError)


def test_a_refusal_of_metadata_speaks_against_the_server():
    assert type(error_for(500, metadata_refusal)) is ServerFault


def test_a_refusal_keeps_status_and_code():
    error = error_for(422)
    assert (error.status, error.code) == (422, "code")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("2", 2.0), ("0.05", 0.05), ("-1", 0.0), ("1e9", 60.0), ("", None), ("nan", None),
     ("Wed, 21 Oct 2026 07:28:00 GMT", None)],
)  # fmt: skip
def test_retry_after_is_read_where_it_is_a_number_of_seconds(header, seconds):
    assert retry_after_s(header) == seconds
    assert error_for(503, retry_after=header).retry_after_s == seconds
