"""The bearer token and the certificates that a client presents or trusts."""

import os
import ssl
import stat
from collections.abc import Mapping
from pathlib import Path

from inference_client.errors import CredentialsError

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_SHARED = Path("/tmp")  # noqa: S108 - the standard says so; files of others are not looked at


def read_token(file_name: str) -> str:
    """Reads a bearer token.

    Args:
        file_name: File that only its owner can read; empty for no token.

    Returns:
        The token; empty without a file.

    Raises:
        CredentialsError: The file is missing, open to others, or holds no token.
    """
    if not file_name:
        return ""
    path = Path(file_name)
    try:
        open_to_others = path.stat().st_mode & _OTHERS
        token = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        message = f"cannot read the token file {file_name}: {error}"
        raise CredentialsError(message) from error
    if open_to_others:
        message = f"token file {file_name} can be read by others; `chmod 600 {file_name}` closes it"
        raise CredentialsError(message)
    if not _is_token(token):
        message = f"token file {file_name} does not hold one token"
        raise CredentialsError(message)
    return token


def discover_token(environment: Mapping[str, str] = os.environ, shared: Path = _SHARED) -> str:
    """Looks for the user's token where other grid tools look for it.

    In BEARER_TOKEN, in the file that BEARER_TOKEN_FILE names, and as bt_u<user id> in XDG_RUNTIME_DIR and in
    the folder for all; the first that is there counts. See WLCG Bearer Token Discovery,
    https://doi.org/10.5281/zenodo.3937438

    Args:
        environment: Variables of this process.
        shared: Folder for all.

    Returns:
        The token; empty if there is none.

    Raises:
        CredentialsError: What is there is no token, or its file cannot be read or is open to others.
    """
    if token := environment.get("BEARER_TOKEN", "").strip():
        if not token.isascii() or not _is_token(token):
            message = "the variable BEARER_TOKEN does not hold one token"
            raise CredentialsError(message)
        return token
    if file_name := environment.get("BEARER_TOKEN_FILE", ""):
        return read_token(file_name)
    folders = [Path(name) for name in (environment.get("XDG_RUNTIME_DIR"), shared) if name]
    files = [folder / f"bt_u{os.geteuid()}" for folder in folders]
    return read_token(str(next(filter(_is_own, files), "")))


def _is_token(text: str) -> bool:
    return text.isprintable() and bool(text) and " " not in text


def _is_own(path: Path) -> bool:
    """Whether the file is there and was not put there by somebody else."""
    try:
        return path.stat().st_uid == os.geteuid()
    except OSError:
        return False


def tls_context(ca_file: str, certificate_file: str = "", key_file: str = "") -> ssl.SSLContext:
    """What to check servers against and what to show them, TLS 1.2 or later.

    Args:
        ca_file: Certificates to trust, PEM; empty for the system's.
        certificate_file: The client's own certificate, PEM; empty for none.
        key_file: Its key; empty if it is in the same file.

    Raises:
        CredentialsError: A file is missing or is not what it should be.
    """
    try:
        context = ssl.create_default_context(cafile=ca_file or None)
    except OSError as error:
        message = f"cannot read certificates from {ca_file}: {error}"
        raise CredentialsError(message) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if certificate_file:
        try:
            context.load_cert_chain(certificate_file, key_file or None)
        except OSError as error:
            key = key_file or certificate_file
            message = f"cannot read the client's certificate {certificate_file} with key {key}: {error}"
            raise CredentialsError(message) from error
    return context
