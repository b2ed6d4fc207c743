"""Tokens and certificates."""

import pytest

from inference_client.credentials import read_token, tls_context
from inference_client.errors import CredentialsError


@pytest.fixture
def token_file(tmp_path):
    path = tmp_path / "token"
    path.write_text("abc.def\n")
    path.chmod(0o600)
    return path


def test_a_token_is_read_without_its_line_end(token_file):
    assert read_token(str(token_file)) == "abc.def"


def test_no_file_is_no_token():
    assert read_token("") == ""


def test_a_file_open_to_others_is_refused_with_the_command_that_closes_it(token_file):
    token_file.chmod(0o640)
    with pytest.raises(CredentialsError, match="chmod 600"):
        read_token(str(token_file))


@pytest.mark.parametrize("content", [b"", b"\n", b"two tokens", b"a\nb", b"\xff\xfe"])
def test_a_file_without_one_token_is_refused(token_file, content):
    token_file.write_bytes(content)
    with pytest.raises(CredentialsError, match="token"):
        read_token(str(token_file))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CredentialsError, match="no-such-file"):
        read_token(str(tmp_path / "no-such-file"))


def test_a_file_without_certificates_is_named(token_file):
    with pytest.raises(CredentialsError, match="token"):
        tls_context(str(token_file))
