"""The bearer token and the certificates that a client presents or trusts."""

import ssl
import stat
from pathlib import Path

from inference_client.errors import CredentialsError

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


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
    if not token or not token.isprintable() or " " in token:
        message = f"token file {file_name} does not hold one token"
        raise CredentialsError(message)
    return token


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
