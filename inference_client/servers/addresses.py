"""Addresses of servers: checked when the job starts, found in the environment where none is listed."""

from collections.abc import Mapping, Sequence

from yarl import URL

from inference_client.errors import InvalidAddressError

BALANCER_HOST = "SONIC_LOCAL_BALANCER_HOST"
BALANCER_PORT = "SONIC_LOCAL_BALANCER_PORT"
"""A site's load balancer, as CMSSW's TritonService finds it (HeterogeneousCore/SonicTriton)."""


def server_addresses(listed: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """Addresses to use: the listed ones, or else the site's balancer from the environment.

    Args:
        listed: Addresses that the job names.
        environment: Environment variables of the process.

    Returns:
        Addresses of the form http://host:port, each once, in the order given.

    Raises:
        InvalidAddressError: An address is malformed, occurs twice, or there is none at all.
    """
    addresses = [checked_address(text) for text in listed] or _balancer(environment)
    if not addresses:
        message = (
            f"no server to ask: list some, such as servers=['http://host:8000'], "
            f"or set {BALANCER_HOST} and {BALANCER_PORT}"
        )
        raise InvalidAddressError(message)
    doubled = sorted({address for address in addresses if addresses.count(address) > 1})
    if doubled:
        message = f"server {doubled[0]} is listed twice"
        raise InvalidAddressError(message)
    return addresses


def checked_address(text: str) -> str:
    """Brings an address to the form http://host:port.

    Raises:
        InvalidAddressError: It is not an address of that form.
    """
    try:
        url = URL(text.strip())
        fits = url.scheme in ("http", "https") and url.host is not None and url.port is not None
        bare = url.path in ("", "/") and not url.query_string and not url.fragment and not url.user
    except ValueError:
        fits = bare = False
    if not (fits and bare):
        message = f"server address {text!r} is not of the form http://host:port or https://host:port"
        raise InvalidAddressError(message)
    return str(url.origin())


def _balancer(environment: Mapping[str, str]) -> list[str]:
    host, port = environment.get(BALANCER_HOST, ""), environment.get(BALANCER_PORT, "")
    if not host and not port:
        return []
    if not (host and port.isdecimal()):
        message = f"{BALANCER_HOST}={host!r} and {BALANCER_PORT}={port!r} must name a host and a port"
        raise InvalidAddressError(message)
    bracketed = f"[{host}]" if ":" in host else host
    return [checked_address(f"http://{bracketed}:{port}")]
