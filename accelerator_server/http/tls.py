"""The server's certificate, and whose client certificates it takes."""

import ssl

from accelerator_server.config import TlsConfig
from accelerator_server.errors import ConfigurationError


def make_ssl_context(config: TlsConfig) -> ssl.SSLContext:
    """Makes the context of a server: TLS 1.2 or later; client certificates demanded where a CA is named.

    Raises:
        ConfigurationError: A file is missing or is not what it should be.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    load_certificate(context, config)
    if config.client_ca:
        try:
            context.load_verify_locations(cafile=config.client_ca)
        except OSError as error:
            message = f"cannot read the certificates of client_ca {config.client_ca}: {error}"
            raise ConfigurationError(message) from error
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def load_certificate(context: ssl.SSLContext, config: TlsConfig) -> None:
    """Reads certificate and key, at the start and after a renewal; new connections get them.

    Raises:
        ConfigurationError: A file is missing or is not what it should be.
    """
    try:
        # First elsewhere: a certificate whose key does not fit would leave the context without either.
        for target in (ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), context):
            target.load_cert_chain(config.certificate, config.key or None)
    except OSError as error:
        key = config.key or config.certificate
        message = f"cannot read certificate {config.certificate} with key {key}: {error}"
        raise ConfigurationError(message) from error
