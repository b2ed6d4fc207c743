"""Addresses: accepted forms, refusals, discovery in the environment."""

import pytest

from inference_client.errors import InvalidAddressError
from inference_client.servers.addresses import checked_address, server_addresses

BALANCER = {"SONIC_LOCAL_BALANCER_HOST": "site-lb", "SONIC_LOCAL_BALANCER_PORT": "8001"}


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("http://host:8000", "http://host:8000"),
        (" http://host:8000/ ", "http://host:8000"),
        ("https://host", "https://host"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_an_address_is_brought_to_one_form(text, address):
    assert checked_address(text) == address


@pytest.mark.parametrize(
    "text",
    ["", "host:8000", "ftp://host:1", "http://", "http://host:x", "http://host:99999", "http://h:1/path",
     "http://user:secret@h:1", "http://h:1?q=1", "grpc://h:1"],
)  # fmt: skip
def test_a_malformed_address_is_refused_with_the_form_that_works(text):
    with pytest.raises(InvalidAddressError, match="http://host:port"):
        checked_address(text)


def test_the_balancer_of_the_site_is_used_where_no_server_is_listed():
    assert server_addresses([], BALANCER) == ["http://site-lb:8001"]


def test_a_listed_server_takes_precedence_over_the_balancer():
    assert server_addresses(["http://mine:1"], BALANCER) == ["http://mine:1"]


@pytest.mark.parametrize("missing", sorted(BALANCER))
def test_half_a_balancer_is_an_error(missing):
    with pytest.raises(InvalidAddressError, match=missing):
        server_addresses([], {key: value for key, value in BALANCER.items() if key != missing})


def test_no_server_at_all_is_an_error_that_says_where_to_name_one():
    with pytest.raises(InvalidAddressError, match="SONIC_LOCAL_BALANCER_HOST"):
        server_addresses([], {})


def test_a_server_listed_twice_is_an_error():
    with pytest.raises(InvalidAddressError, match="http://a:1 is listed twice"):
        server_addresses(["http://a:1", "http://a:1/"], {})
