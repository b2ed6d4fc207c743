"""TLS over real sockets: who is let in, who is not, and what nobody gets."""

import asyncio
import contextlib
import ssl

import aiohttp
import pytest
import trustme

from accelerator_server.config import TlsConfig
from accelerator_server.errors import ConfigurationError
from accelerator_server.http.tls import make_ssl_context
from inference_client.protocol.routes import LIVE
from tests.accelerator_server.model_files import write_model
from tests.accelerator_server.running import started

# A refused handshake may reach the client as an alert, or as a connection that ends.
REFUSED = (aiohttp.ClientError, ssl.SSLError, OSError)


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def tls(tmp_path, authority):
    certificate = authority.issue_cert("127.0.0.1")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "certificate.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    return {"certificate": str(tmp_path / "certificate.pem"), "key": str(tmp_path / "key.pem")}


@pytest.fixture
def repository(tmp_path):
    write_model(tmp_path / "models")
    return tmp_path / "models"


def trusting(authority) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


async def asks(session, context: ssl.SSLContext, path: str = LIVE) -> int:
    async with session.get(path, ssl=context) as reply:
        await reply.read()
        return reply.status


async def test_a_client_that_trusts_the_authority_is_answered(repository, tls, authority):
    async with started(repository, tls=tls) as (server, session):
        assert server.address.startswith("https://127.0.0.1:")
        assert await asks(session, trusting(authority)) == 200


async def test_strangers_old_versions_and_plain_http_get_nothing(repository, tls, authority):
    old = trusting(authority)
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    async with started(repository, tls=tls) as (server, session):
        for context in (ssl.create_default_context(), old):
            with pytest.raises(REFUSED):
                await asks(session, context)
        with pytest.raises(REFUSED):
            async with session.get(server.address.replace("https", "http") + LIVE):
                pass
        assert await asks(session, trusting(authority)) == 200


def test_tls_1_2_is_the_oldest_whatever_the_system_allows(tls):
    assert make_ssl_context(TlsConfig(**tls)).minimum_version is ssl.TLSVersion.TLSv1_2


async def test_who_says_nothing_instead_of_agreeing_upon_tls_is_hung_up_on(repository, tls, monkeypatch):
    monkeypatch.setattr("accelerator_server.http.tls_listener._HANDSHAKE_S", 0.1)
    async with started(repository, tls=tls) as (server, _):
        host, _, port = server.address.removeprefix("https://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        async with asyncio.timeout(20):
            assert not await reader.read()
        writer.close()


async def test_a_flood_of_connections_that_agree_upon_nothing_takes_no_more_than_the_room(
    repository, tls, authority, monkeypatch
):
    monkeypatch.setattr("accelerator_server.lifecycle.find_room", lambda *_: 20)
    async with started(repository, tls=tls) as (server, session):
        assert await asks(session, trusting(authority)) == 200  # this connection is kept
        host, _, port = server.address.removeprefix("https://").partition(":")
        silent = [await asyncio.open_connection(host, int(port)) for _ in range(100)]
        ends = [asyncio.ensure_future(reader.read()) for reader, _ in silent]
        async with asyncio.timeout(20):
            await asyncio.wait(ends[:80])  # the first that came
            other = await asyncio.open_connection(host, int(port), ssl=trusting(authority))
        assert not ends[-1].done()
        for _, writer in (*silent, other):
            writer.transport.abort()
        await asyncio.gather(*ends, return_exceptions=True)
        assert await asks(session, trusting(authority)) == 200


async def test_where_a_client_authority_is_named_only_its_clients_are_answered(
    repository, tls, authority, tmp_path
):
    stranger = trustme.CA()
    async with started(repository, tls={**tls, "client_ca": str(tmp_path / "ca.pem")}) as (_, session):
        for issuer in (None, stranger):
            context = trusting(authority)
            if issuer:
                issuer.issue_cert("client@cms.cern").configure_cert(context)
            with pytest.raises(REFUSED):
                await asks(session, context)
        context = trusting(authority)
        authority.issue_cert("client@cms.cern").configure_cert(context)
        assert await asks(session, context) == 200


async def test_a_renewed_certificate_is_read_without_a_stop(repository, tls, authority, tmp_path):
    async with started(repository, tls=tls) as (server, _):
        before = await serial_number(server.address, authority)
        renewed = authority.issue_cert("127.0.0.1")
        renewed.cert_chain_pems[0].write_to_path(tmp_path / "certificate.pem")
        server.reread()  # the key does not fit yet: the old one stays
        assert await serial_number(server.address, authority) == before
        renewed.private_key_pem.write_to_path(tmp_path / "key.pem")
        server.reread()
        assert await serial_number(server.address, authority) != before


async def serial_number(address: str, authority) -> str:
    host, _, port = address.removeprefix("https://").partition(":")
    _, writer = await asyncio.open_connection(host, int(port), ssl=trusting(authority))
    found = writer.get_extra_info("peercert")["serialNumber"]
    writer.close()
    with contextlib.suppress(ssl.SSLError):
        await writer.wait_closed()
    return found


@pytest.mark.parametrize("part", ["certificate", "key", "client_ca"])
def test_a_file_that_is_not_there_is_named(tls, part):
    with pytest.raises(ConfigurationError, match="nowhere"):
        make_ssl_context(TlsConfig(**{**tls, part: "nowhere.pem"}))
