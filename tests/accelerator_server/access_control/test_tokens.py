"""Tokens: what a file may hold, whose a token is."""

import ast
import inspect

import pytest

from accelerator_server.access_control import sessions, tokens
from accelerator_server.access_control.tokens import Caller, read_tokens
from accelerator_server.errors import ConfigurationError
from tests.accelerator_server.token_files import ADMIN_TOKEN, OLD_TOKEN, TOKEN, write_tokens


def test_each_token_of_a_file_is_its_owners(tmp_path):
    table = read_tokens(*write_tokens(tmp_path).values())
    assert len(table) == 3
    assert table.caller_of(TOKEN) == table.caller_of(OLD_TOKEN) == Caller("analysis")
    assert table.caller_of(ADMIN_TOKEN) == Caller("operator", is_admin=True)


@pytest.mark.parametrize("token", ["", TOKEN[:-1], TOKEN + "0", TOKEN.upper(), "é" * 20, "\udce9" * 20])
def test_what_is_not_quite_a_token_is_nobodys(tmp_path, token):
    assert read_tokens(*write_tokens(tmp_path).values()).caller_of(token) is None


@pytest.mark.parametrize("content", ["", "\n \n", "short", "two tokens-in-one-line", "café-token-0123456789"])
def test_a_file_without_proper_tokens_is_refused(tmp_path, content):
    path = tmp_path / "token"
    path.touch(mode=0o600)
    path.write_text(content)
    with pytest.raises(ConfigurationError, match="token file"):
        read_tokens([str(path)], [])


@pytest.mark.parametrize("mode", [0o604, 0o606, 0o620, 0o660])
def test_a_file_open_to_others_is_refused_with_the_command_that_closes_it(tmp_path, mode):
    path = tmp_path / "token"
    path.write_text(TOKEN)
    path.chmod(mode)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        read_tokens([str(path)], [])
    path.chmod(0o640)
    assert len(read_tokens([str(path)], [])) == 1


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match="nowhere"):
        read_tokens([], [str(tmp_path / "nowhere")])


def test_secrets_are_never_compared_with_equals():
    """The time that equals takes says how much of a guess is right; digests are compared in constant time."""
    source = ast.parse(inspect.getsource(tokens))
    compared = [ast.unparse(node) for node in ast.walk(source) if isinstance(node, ast.Compare)]
    assert not [text for text in compared if "digest" in text or text.startswith(("token ==", "known"))]
    assert "hmac.compare_digest(known, digest)" in inspect.getsource(tokens)
    assert "_sessions.get(_digest(cookie)" in inspect.getsource(sessions)
