"""The server that a job starts for itself is one, however many of its modules ask for however many models."""

import asyncio
from pathlib import Path

import psutil
import pytest

from eventproc.errors import ConfigurationError
from inference_client.configuration import ClientConfiguration
from inference_client.local_server import LocalServer
from inference_client.signature import ModelExpectation
from inference_client.testing.fake_model import FakeModel
from inference_client.testing.fake_server import FakeServer
from producers.inference_service import FallbackParameters, InferenceService
from tests.inference_client.images import sparse_request
from tests.producers.serving import is_server

NAMES = ("first", "second")
NOWHERE = "http://127.0.0.1:9"
MODEL_TOML = """
backend = "echo"
max_rows = 16
inputs = [{ name = "image", datatype = "FP32", shape = [-1, 1, 8, 8] }]
outputs = [{ name = "scores", datatype = "FP32", shape = [-1, 2] }]
"""


@pytest.fixture
def models(tmp_path):
    for name in NAMES:
        folder = tmp_path / name / "1"
        folder.mkdir(parents=True)
        (folder / "model.toml").write_text(MODEL_TOML)
    return str(tmp_path)


def service_of(models: str, **settings):
    """A service, and its clients of both models; one of them has a loop and a thread of its own."""
    service = InferenceService(InferenceService.Params(modelsFolder=models, **settings))
    clients = [
        service.add_model(ClientConfiguration(name, timeout_s=30.0), ModelExpectation, mode)
        for name, mode in zip(NAMES, ("Async", "PseudoAsync"), strict=True)
    ]
    return service, clients


async def askers_server(clients) -> str:
    """The one server that answers all clients, asked at the same time."""
    results = await asyncio.gather(*(client.infer(sparse_request([3.0])) for client in clients))
    assert [result.outputs["scores"].tolist() for result in results] == [[[3.0, 0.0]]] * len(clients)
    (address,) = {result.record.server for result in results}
    return address


def servers_run() -> set[psutil.Process]:
    """Servers that this process started and that have not ended."""
    return {child for child in psutil.Process().children() if is_server(child)}


@pytest.mark.parametrize("servers", [[], [NOWHERE]], ids=["none listed", "none answers"])
async def test_the_models_of_a_job_share_one_server_of_its_own(models, servers):
    before = servers_run()
    service, clients = service_of(models, servers=servers, fallback=FallbackParameters(enable=True))
    await service.start()
    try:
        assert await askers_server(clients) != NOWHERE
        assert len(servers_run() - before) == 1
    finally:
        await service.stop()
    assert servers_run() == before


async def test_a_fallback_that_lacks_a_model_is_refused_before_anything_is_asked(tmp_path):
    fallback = FallbackParameters(enable=True)
    service, _ = service_of(str(tmp_path), servers=[NOWHERE], fallback=fallback)
    before = servers_run()
    with pytest.raises(ConfigurationError, match="no model 'first'"):
        await service.start()
    await service.stop()
    assert servers_run() == before


async def test_a_fallback_with_another_file_than_the_servers_is_refused_before_the_first_event(models):
    text = f'sha256 = "{"2" * 64}"\n{MODEL_TOML}'
    (Path(models) / "first" / "1" / "model.toml").write_text(text)
    async with FakeServer(FakeModel(name="first", sha256="1" * 64)) as server:
        settings = InferenceService.Params(
            modelsFolder=models, servers=[server.address], fallback=FallbackParameters(enable=True)
        )
        service = InferenceService(settings)
        service.add_model(ClientConfiguration("first", timeout_s=30.0), ModelExpectation)
        with pytest.raises(ConfigurationError, match=f"sha256 {'2' * 64} in"):
            await service.start()
        await service.stop()


async def test_models_that_need_the_fallback_at_the_same_time_start_one(models):
    site = LocalServer(models)
    await asyncio.to_thread(site.start)
    try:
        service, clients = service_of(
            models, servers=[site.address], fallback=FallbackParameters(enable=True)
        )
        await service.start()
        try:
            assert await askers_server(clients) == site.address
            await asyncio.to_thread(site.close)
            before = servers_run()
            assert await askers_server(clients) != site.address
            assert len(servers_run() - before) == 1
        finally:
            await service.stop()
        assert servers_run() == before
    finally:
        await asyncio.to_thread(site.close)
