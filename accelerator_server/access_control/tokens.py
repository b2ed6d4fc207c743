"""Bearer tokens: read from files, kept as digests, compared in constant time."""

import hashlib
import hmac
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from accelerator_server.errors import ConfigurationError

MIN_TOKEN_LENGTH = 16
"""Shorter ones could be guessed over the network."""

_NOT_OWNER_NOR_GROUP = stat.S_IRWXO | stat.S_IWGRP | stat.S_IXGRP
"""A group may read: so service managers hand out credentials to a service user."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as far as the server knows.

    Attributes:
        name: Of the token file; else the client's own word or its address.
        is_admin: Whether models may be loaded and unloaded.
    """

    name: str
    is_admin: bool = False


class TokenTable:
    """Which token belongs to whom.

    Args:
        callers: Each token with its owner.
    """

    def __init__(self, callers: Iterable[tuple[str, Caller]] = ()) -> None:
        self._callers = [(_digest(token), caller) for token, caller in callers]

    def __len__(self) -> int:
        return len(self._callers)

    def caller_of(self, token: str) -> Caller | None:
        """Who presents this token; None if nobody should have it. A near miss takes as long."""
        digest = _digest(token)
        found = None
        for known, caller in self._callers:
            if hmac.compare_digest(known, digest):
                found = caller
        return found


def read_tokens(files: Sequence[str], admin_files: Sequence[str]) -> TokenTable:
    """Reads token files: one token a line, several while one replaces another; the owner is the file's name.

    Raises:
        ConfigurationError: A file is missing, open to others, or holds what is no token.
    """
    sources = [(Path(name), False) for name in files] + [(Path(name), True) for name in admin_files]
    return TokenTable(
        (token, Caller(path.name, is_admin)) for path, is_admin in sources for token in _read(path)
    )


def _read(path: Path) -> list[str]:
    try:
        open_to_others = path.stat().st_mode & _NOT_OWNER_NOR_GROUP
        tokens = path.read_text(encoding="ascii").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        message = f"cannot read the token file {path}: {error}"
        raise ConfigurationError(message) from error
    if open_to_others:
        message = f"token file {path} is open to others; `chmod 600 {path}` closes it"
        raise ConfigurationError(message)
    tokens = [token.strip() for token in tokens if token.strip()]
    if not tokens or any(" " in token or len(token) < MIN_TOKEN_LENGTH for token in tokens):
        message = f"token file {path} must hold one token a line, {MIN_TOKEN_LENGTH} characters or more"
        raise ConfigurationError(message)
    return tokens


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="replace")).digest()
