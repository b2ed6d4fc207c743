"""Tokens and certificates."""

import os
from pathlib import Path

import pytest

from inference_client.errors import CredentialsError
from inference_client.transport.credentials import discover_token, read_token, tls_context


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


@pytest.fixture
def places(tmp_path) -> dict[str, Path]:
    """Files of tokens in all places, each with its own token."""
    name = f"bt_u{os.geteuid()}"
    files = {
        "file": tmp_path / "given",
        "runtime": tmp_path / "run" / name,
        "shared": tmp_path / "tmp" / name,
    }
    for place, path in files.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"from-{place}\n")
        path.chmod(0o600)
    return files


def test_a_token_is_looked_for_in_the_order_of_wlcg(places):
    environment = {
        "BEARER_TOKEN": " from-variable\n",
        "BEARER_TOKEN_FILE": str(places["file"]),
        "XDG_RUNTIME_DIR": str(places["runtime"].parent),
    }
    shared = places["shared"].parent
    assert discover_token(environment, shared) == "from-variable"
    for place, variable in (("file", "BEARER_TOKEN"), ("runtime", "BEARER_TOKEN_FILE")):
        del environment[variable]
        assert discover_token(environment, shared) == f"from-{place}"
    places["runtime"].unlink()
    assert discover_token(environment, shared) == "from-shared"
    assert discover_token({}, shared) == "from-shared"
    places["shared"].unlink()
    assert discover_token(environment, shared) == ""


def test_what_is_found_and_is_no_token_is_not_passed_over(places):
    shared = places["shared"].parent
    for environment in ({"BEARER_TOKEN": "two words"}, {"BEARER_TOKEN": "\u00e9"}):
        with pytest.raises(CredentialsError, match="BEARER_TOKEN does not hold one token"):
            discover_token(environment, shared)
    with pytest.raises(CredentialsError, match="no-such-file"):
        discover_token({"BEARER_TOKEN_FILE": "no-such-file"}, shared)
    places["shared"].chmod(0o644)
    with pytest.raises(CredentialsError, match="chmod 600"):
        discover_token({}, shared)


def test_what_somebody_else_left_in_the_folder_for_all_is_not_looked_at(places, monkeypatch):
    shared, user = places["shared"], os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: user)
    shared.rename(shared.with_name(f"bt_u{user}"))
    assert discover_token({}, shared.parent) == ""


def test_a_file_without_certificates_is_named(token_file):
    with pytest.raises(CredentialsError, match="token"):
        tls_context(str(token_file))
