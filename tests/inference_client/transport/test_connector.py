"""Connecting: a server is not blamed for a loop that a module of ours kept busy."""

import asyncio
import time

import pytest
import trustme

from inference_client.client import InferenceClient
from inference_client.configuration import ClientConfiguration
from tests.inference_client.images import sparse_request, sums
from tests.inference_client.other_process import fake_server_process

N_BODIES = 8


@pytest.mark.parametrize("is_secure", [False, True], ids=["http", "https"])
async def test_a_server_is_not_blamed_when_a_module_computes_while_connections_are_made(is_secure, tmp_path):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    certificate = authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem
    certificate.write_to_path(tmp_path / "server.pem")
    shown = str(tmp_path / "server.pem") if is_secure else ""
    with fake_server_process(delay_s=0.0, certificate=shown) as address:
        configuration = ClientConfiguration(
            "fake",
            servers=[address],
            connect_timeout_s=1.0,
            ca_file=str(tmp_path / "ca.pem") if is_secure else "",
        )
        async with InferenceClient(configuration) as client:
            asked = [
                asyncio.ensure_future(client.infer(sparse_request([float(one)] * 60)))
                for one in range(N_BODIES)
            ]
            for _ in range(5):
                await asyncio.sleep(0)
            time.sleep(1.5)  # noqa: ASYNC251  a module that computes past the time for connecting
            answers = [sums(answer) for answer in await asyncio.gather(*asked)]
    assert answers == [[float(one)] * 60 for one in range(N_BODIES)]
    (server,) = client.statistics().servers
    assert (server.failures, server.state) == (0, "closed")
    assert client.statistics().retries == 0
