"""TLS: whom the client trusts, what it shows, and that a server which it does not trust gets no byte."""

import asyncio
import contextlib
import datetime as dt
import socket
import ssl
import threading
import time

import pytest
import trustme

from inference_client.client import InferenceClient
from inference_client.configuration import ClientConfiguration
from inference_client.errors import ConfigurationError, CredentialsError, ServersUnavailable
from inference_client.testing.fake_server import FakeServer
from inference_client.testing.fault_proxy import ConnectionFault, FaultProxy, StreamFault
from inference_client.testing.faults import Fault
from inference_client.transport.credentials import tls_context
from tests.inference_client.images import small_model, sparse_request, sums

LONGEST_S = 5.0
HOST = "127.0.0.1"


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def trusted(authority, tmp_path):
    """The file with the certificate of the authority."""
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    return str(tmp_path / "ca.pem")


def showing(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)
    return context


class Listener:
    """Speaks TLS and counts every byte that comes out of it; a proxy before it counts connections."""

    def __init__(self, context: ssl.SSLContext):
        self.context = context
        self.connections = self.data_bytes = 0

    async def _drain(self, reader, writer):
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                self.data_bytes += len(data)
        writer.close()

    @contextlib.asynccontextmanager
    async def listening(self):
        async with await asyncio.start_server(self._drain, HOST, 0, ssl=self.context) as server:
            target = f"http://{HOST}:{server.sockets[0].getsockname()[1]}"
            async with FaultProxy(target, lambda _: ConnectionFault()) as proxy:
                yield proxy.address.replace("http:", "https:")
                self.connections = proxy.n_connections


async def refused(context: ssl.SSLContext, without_a_word: bool = False, **settings) -> str:
    """Starts a client at a server that it must not speak to, and says why it did not.

    A connection that ends without a word could be a fault, which passes: those are asked for four times.

    Raises:
        AssertionError: It tried again, sent data, or took too long.
    """
    listener = Listener(context)
    async with listener.listening() as address:
        begun_s = time.monotonic()
        client = InferenceClient(
            ClientConfiguration("fake", servers=[address], wait_for_servers_s=60.0, **settings)
        )
        with pytest.raises(CredentialsError) as caught:
            await client.start()
        assert time.monotonic() - begun_s < LONGEST_S
    assert isinstance(caught.value, ConfigurationError)
    assert address in str(caught.value)
    # In TLS 1.3 the server says no after the client has begun to ask, and aiohttp asks a GET once more.
    asks_again = (
        context.verify_mode is ssl.CERT_REQUIRED and context.maximum_version is not ssl.TLSVersion.TLSv1_2
    )
    assert listener.connections <= (1 + asks_again) * (4 if without_a_word else 1)
    assert listener.data_bytes == 0
    return str(caught.value)


async def test_an_authority_that_nobody_named_is_not_trusted(trusted):
    assert "certificate verify failed" in await refused(
        showing(trustme.CA().issue_cert(HOST)), ca_file=trusted
    )


async def test_the_authorities_of_the_system_do_not_know_a_private_one(authority):
    told = await refused(showing(authority.issue_cert(HOST)))
    assert "certificate verify failed" in told
    assert "ca_file names authorities" in told


async def test_http_to_a_server_with_tls_says_that_it_may_want_https(authority):
    server = FakeServer(small_model())
    server.tls = showing(authority.issue_cert(HOST))
    async with server:
        address = server.address.replace("https:", "http:")
        with pytest.raises(ServersUnavailable, match="it may speak https:// only"):
            await InferenceClient(ClientConfiguration("fake", servers=[address])).start()


async def test_a_certificate_of_another_host_is_refused(authority, trusted):
    told = await refused(showing(authority.issue_cert("elsewhere.example")), ca_file=trusted)
    assert "IP address mismatch" in told


async def test_an_expired_certificate_is_refused(authority, trusted):
    yesterday = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    certificate = authority.issue_cert(HOST, not_after=yesterday)
    assert "certificate has expired" in await refused(showing(certificate), ca_file=trusted)


async def test_tls_1_1_is_not_spoken(authority, trusted):
    context = showing(authority.issue_cert(HOST))
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    assert "TLS 1.1" in await refused(context, without_a_word=True, ca_file=trusted)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_server_that_demands_a_certificate_refuses_a_client_without(authority, trusted, version):
    context = demanding(authority)
    context.maximum_version = version
    told = await refused(context, without_a_word=True, ca_file=trusted)
    assert "certificate_file" in told
    assert "4 times in a row" in told


def demanding(authority) -> ssl.SSLContext:
    context = showing(authority.issue_cert(HOST))
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_certificate_of_a_stranger_is_refused_by_the_server(authority, trusted, tmp_path, version):
    context = demanding(authority)
    context.maximum_version = version
    await refused(context, without_a_word=True, ca_file=trusted, **own_certificate(trustme.CA(), tmp_path))


def own_certificate(authority, folder) -> dict[str, str]:
    certificate = authority.issue_cert("job@example.org")
    certificate.cert_chain_pems[0].write_to_path(folder / "own.pem")
    certificate.private_key_pem.write_to_path(folder / "own.key")
    return {"certificate_file": str(folder / "own.pem"), "key_file": str(folder / "own.key")}


@pytest.mark.parametrize("shows_its_own", [False, True])
async def test_who_is_trusted_is_asked(authority, trusted, tmp_path, shows_its_own):
    server = FakeServer(small_model())
    server.tls = demanding(authority) if shows_its_own else showing(authority.issue_cert(HOST))
    settings = own_certificate(authority, tmp_path) if shows_its_own else {}
    async with server:
        configuration = ClientConfiguration("fake", servers=[server.address], ca_file=trusted, **settings)
        async with InferenceClient(configuration) as client:
            assert sums(await client.infer(sparse_request([1.0, 2.0]))) == [1.0, 2.0]


@pytest.mark.parametrize("is_secure", [True, False])
async def test_a_token_that_is_found_goes_to_https_servers_only(authority, trusted, monkeypatch, is_secure):
    monkeypatch.setenv("BEARER_TOKEN", "found")
    server = FakeServer(small_model())
    if is_secure:
        server.tls, server.token = showing(authority.issue_cert(HOST)), "found"
    async with server:
        configuration = ClientConfiguration("fake", servers=[server.address], ca_file=trusted)
        async with InferenceClient(configuration) as client:
            assert sums(await client.infer(sparse_request([1.0, 2.0]))) == [1.0, 2.0]
    assert ["Authorization" in asked for asked in server.requests] == [is_secure]


async def test_a_token_that_was_given_goes_before_one_that_is_found(
    authority, trusted, monkeypatch, tmp_path
):
    monkeypatch.setenv("BEARER_TOKEN", "found")
    (tmp_path / "token").write_text("given")
    (tmp_path / "token").chmod(0o600)
    server = FakeServer(small_model())
    server.tls, server.token = showing(authority.issue_cert(HOST)), "given"
    files = {"ca_file": trusted, "token_file": str(tmp_path / "token")}
    async with (
        server,
        InferenceClient(ClientConfiguration("fake", servers=[server.address], **files)) as client,
    ):
        assert sums(await client.infer(sparse_request([1.0]))) == [1.0]


def test_a_key_that_does_not_fit_is_named(authority, tmp_path):
    files = own_certificate(authority, tmp_path)
    authority.issue_cert(HOST).private_key_pem.write_to_path(tmp_path / "own.key")
    with pytest.raises(CredentialsError, match=r"own\.pem with key .*own\.key"):
        tls_context("", *files.values())


def test_tls_1_2_is_the_oldest_whatever_the_system_allows():
    assert tls_context("").minimum_version is ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_the_alert_of_a_server_that_demands_a_certificate_is_a_matter_of_configuration(
    authority, trusted, version
):
    """A server that says why, as OpenSSL's own do; asyncio's ends the connection without a word."""
    context = demanding(authority)
    context.maximum_version = version
    listener = socket.create_server((HOST, 0))
    with contextlib.closing(listener):
        thread = threading.Thread(target=shake_hands, args=(listener, context), daemon=True)
        thread.start()
        configuration = ClientConfiguration(
            "fake", servers=[f"https://{HOST}:{listener.getsockname()[1]}"], ca_file=trusted,
            wait_for_servers_s=60.0,
        )  # fmt: skip
        begun_s = time.monotonic()
        with pytest.raises(CredentialsError, match="TLS connection"):
            await InferenceClient(configuration).start()
        assert time.monotonic() - begun_s < LONGEST_S
        listener.shutdown(socket.SHUT_RDWR)
        await asyncio.to_thread(thread.join)


def shake_hands(listener: socket.socket, context: ssl.SSLContext) -> None:
    """Takes connections until the listener is shut, and tells those without a certificate to show one."""
    with contextlib.suppress(OSError):
        while True:
            connection, _ = listener.accept()
            with connection, pytest.raises(ssl.SSLError):
                context.wrap_socket(connection, server_side=True)


@pytest.mark.parametrize("way", ["request", "reply"])
@pytest.mark.parametrize("at", [30, 700, 4200])
async def test_damage_to_a_connection_that_had_worked_is_tried_again(authority, trusted, way, at):
    """In the handshake, in the certificate, in the data: of the second connection, when the first is gone."""
    server = FakeServer(small_model())
    server.tls = showing(authority.issue_cert(HOST))
    spoilt = ConnectionFault(**{way: StreamFault(flip_bit=8 * at)})
    async with server:
        target = server.address.replace("https:", "http:")
        async with FaultProxy(target, lambda n: spoilt if n == 1 else ConnectionFault()) as proxy:
            address = proxy.address.replace("http:", "https:")
            configuration = ClientConfiguration("fake", servers=[address], ca_file=trusted, timeout_s=20.0)
            async with InferenceClient(configuration) as client:
                server.faults.append(Fault.RESET)
                for value in (1.0, 2.0, 3.0):
                    assert sums(await client.infer(sparse_request([value]))) == [value]
            assert proxy.n_connections >= 2


@pytest.mark.parametrize(
    "fault",
    [
        ConnectionFault(is_refused=True),
        ConnectionFault(reply=StreamFault(cut_at=0, with_reset=True)),
        ConnectionFault(reply=StreamFault(cut_at=700)),
        ConnectionFault(request=StreamFault(cut_at=300, with_reset=True)),
        ConnectionFault(request=StreamFault(flip_bit=8 * 700)),
        ConnectionFault(reply=StreamFault(flip_bit=8 * 700)),
    ],
)
async def test_a_first_connection_that_is_lost_or_damaged_while_tls_is_agreed_on_is_made_again(
    authority, trusted, fault
):
    server = FakeServer(small_model())
    server.tls = showing(authority.issue_cert(HOST))
    async with server:
        target = server.address.replace("https:", "http:")
        async with FaultProxy(target, lambda n: fault if n < 2 else ConnectionFault()) as proxy:
            address = proxy.address.replace("http:", "https:")
            async with InferenceClient(ClientConfiguration("fake", [address], ca_file=trusted)) as client:
                assert sums(await client.infer(sparse_request([1.0]))) == [1.0]
            assert proxy.n_connections >= 3
