"""The server of a job's own: what is checked before it is needed, and how often it is started."""

import asyncio

import psutil
import pytest

from eventproc.errors import ConfigurationError
from inference_client.errors import LocalServerError, ServersUnavailable
from producers.own_server import MOST_STARTS, OwnServer
from tests.producers.serving import is_server

NAME = "echo"
MODEL_TOML = """
backend = "echo"
inputs = [{ name = "image", datatype = "FP32", shape = [-1, 1, 8, 8] }]
outputs = [{ name = "scores", datatype = "FP32", shape = [-1, 2] }]
"""


@pytest.fixture
def models(tmp_path):
    folder = tmp_path / NAME / "1"
    folder.mkdir(parents=True)
    (folder / "model.toml").write_text(MODEL_TOML)
    return tmp_path


@pytest.fixture
def own(models):
    server = OwnServer(str(models), ())
    server.models.append(NAME)
    yield server
    server.close()


def processes() -> set[psutil.Process]:
    """Servers that this process started."""
    return {child for child in psutil.Process().children() if is_server(child)}


class TestCheck:
    def test_a_folder_with_the_model_passes(self, own):
        own.check()
        assert own.address == ""

    def test_no_folder_is_named(self):
        with pytest.raises(ConfigurationError, match="modelsFolder"):
            OwnServer("", ()).check()

    def test_a_folder_is_not_there(self, models):
        with pytest.raises(ConfigurationError, match=r"there is no folder .*elsewhere"):
            OwnServer(str(models / "elsewhere"), ()).check()

    def test_a_model_is_not_there_and_the_near_one_is_named(self, own):
        own.models.append("ecko")
        with pytest.raises(ConfigurationError, match="no model 'ecko': did you mean 'echo'"):
            own.check()


class TestDigest:
    @pytest.mark.parametrize("digest", ["a" * 64, ""], ids=["the same", "not announced"])
    def test_what_is_no_other_file_passes(self, models, own, digest):
        (models / NAME / "1" / "model.toml").write_text(f'sha256 = "{"a" * 64}"')
        own.check_digest(NAME, digest)

    def test_one_of_several_versions_is_enough(self, models, own):
        for version, letter in ((1, "a"), (2, "b")):
            (models / NAME / str(version)).mkdir(exist_ok=True)
            (models / NAME / str(version) / "model.toml").write_text(f'sha256 = "{letter * 64}"')
        own.check_digest(NAME, "a" * 64)
        with pytest.raises(ConfigurationError, match=f"{'b' * 64} in .*echo, {'c' * 64} at the servers"):
            own.check_digest(NAME, "c" * 64)

    @pytest.mark.parametrize("text", [MODEL_TOML, "nonsense"], ids=["no digest", "no TOML"])
    def test_what_tells_no_digest_is_left_to_the_server(self, models, own, text):
        (models / NAME / "1" / "model.toml").write_text(text)
        own.check_digest(NAME, "a" * 64)


async def test_it_is_started_once_and_again_when_it_died(own):
    before = processes()
    first = await own.find()
    assert await own.find() == first
    (process,) = processes() - before
    process.kill()
    process.wait(20.0)
    assert await own.find() != first
    assert len(processes() - before) == 1
    await asyncio.to_thread(own.close)
    assert processes() == before


async def test_one_that_never_starts_is_started_only_so_often(models, own):
    (models / NAME / "1" / "model.toml").write_text("nonsense")
    for _ in range(MOST_STARTS):
        with pytest.raises(LocalServerError):
            await own.find()
    with pytest.raises(ServersUnavailable, match=f"started {MOST_STARTS} times"):
        await own.find()


async def test_closing_ends_one_that_is_about_to_start(own):
    before = processes()
    starting = asyncio.ensure_future(own.find())
    while not processes() - before:  # noqa: ASYNC110 - no process tells that it was made
        await asyncio.sleep(0)
    await asyncio.to_thread(own.close)
    with pytest.raises(LocalServerError):
        await starting
    assert processes() == before


async def test_after_closing_none_is_started(own):
    own.close()
    with pytest.raises(LocalServerError, match="any more"):
        await own.find()
