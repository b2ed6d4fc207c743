"""Loading, replacing and unloading models under load: no request is lost, no failure replaces."""

import asyncio
import re
import shutil
import threading

import aiohttp
import msgspec
import numpy as np
import pytest

from accelerator_server.config import ServerConfig
from accelerator_server.lifecycle import AcceleratorServer
from accelerator_server.models import model_control
from accelerator_server.models.model_loading import load_model
from accelerator_server.models.repository import find_versions
from accelerator_server.models.trial import try_model
from inference_client.protocol.arrays import to_array
from inference_client.protocol.routes import infer_path
from tests.accelerator_server.answers import infer, is_ready, metrics, refused, waiting_requests
from tests.accelerator_server.model_files import affine_model, write_model
from tests.accelerator_server.running import posting, request_of, running
from tests.accelerator_server.token_files import ADMIN_TOKEN, bearer, write_tokens

ADMIN = bearer(ADMIN_TOKEN)
ROW = request_of([[1, 0, 0, 0]])


@pytest.fixture
def repository(tmp_path):
    write_model(tmp_path / "models")
    return tmp_path / "models"


@pytest.fixture
def admin(tmp_path):
    return {"admin_token_files": write_tokens(tmp_path)["admin_token_files"]}


async def change(session, verb: str, model: str = "m", **arguments) -> int:
    path = f"/v2/repository/models/{model}/{verb}"
    async with session.post(path, headers=ADMIN, **arguments) as reply:
        await reply.read()
        return reply.status


async def test_a_model_is_replaced_and_unloaded_under_load_without_a_lost_request(repository, admin):
    async with running(repository, **admin) as session:
        versions, stop = set(), asyncio.Event()

        async def ask() -> int:
            n_answers = 0
            while not stop.is_set():
                response = await infer(session, ROW, **ADMIN)
                versions.add(response.model_version)
                n_answers += 1
            return n_answers

        clients = [asyncio.ensure_future(ask()) for _ in range(8)]
        for version in range(2, 12):
            write_model(repository, "m", version)
            assert await change(session, "load") == 200
        while "11" not in versions:
            await infer(session, ROW, **ADMIN)
        stop.set()
        assert sum(await asyncio.gather(*clients)) > 20
        assert (await infer(session, ROW, **ADMIN)).model_version == "11"
        assert await change(session, "unload") == 200
        assert (await refused(session, **posting(ROW, **ADMIN)))[:2] == (404, "model_not_found")
        assert await change(session, "load") == 200
        await infer(session, ROW, **ADMIN)


async def test_requests_that_wait_are_answered_by_the_model_that_took_them(repository, admin, gate):
    shutil.rmtree(repository)
    write_model(repository, backend="gated")
    async with running(repository, **admin) as session:
        session.headers.update(ADMIN)
        on_device = await gate.hold(infer(session, ROW))
        waiting = asyncio.ensure_future(infer(session, ROW))
        await waiting_requests(session, 1)
        assert await change(session, "unload") == 200
        for _ in range(20):  # turns in which it could be given up
            await metrics(session)
        gate.open()
        assert [(await asked).model_version for asked in (on_device, waiting)] == ["1", "1"]


@pytest.mark.parametrize("trial_timeout_s", [0, 60], ids=["untried", "tried"])
async def test_a_failed_reload_keeps_what_was_served(repository, admin, trial_timeout_s):
    async with running(repository, **admin, trial_timeout_s=trial_timeout_s) as session:
        write_model(repository, "m", 2, backend="openvino", model=affine_model(), sha256="00")
        status, code, _ = await refused(session, "/v2/repository/models/m/load", headers=ADMIN)
        assert (status, code) == (422, "model_refused")
        assert (await infer(session, ROW, **ADMIN)).model_version == "1"
        async with session.get("/v2/health/ready", headers=ADMIN) as reply:
            assert reply.status == 200


async def test_a_half_copied_version_is_not_looked_at(repository, admin):
    async with running(repository, **admin) as session:
        whole = write_model(repository, "m", 2, backend="openvino", model=affine_model())
        config = (whole / "model.toml").read_text()
        (whole / "model.toml").unlink()
        assert await change(session, "load") == 200
        assert (await infer(session, ROW, **ADMIN)).model_version == "1"
        (whole / "model.toml").write_text(config)
        assert await change(session, "load") == 200
        response = await infer(session, ROW, **ADMIN)
    assert response.model_version == "2"
    np.testing.assert_allclose(to_array(response.outputs[0]), [[0, 1.5]])


async def test_files_that_change_under_a_served_model_do_not_touch_it(repository, admin):
    path = write_model(repository, "n", backend="openvino", model=affine_model())
    async with running(repository, **admin) as session:
        (path / "model.onnx").write_bytes(b"something else")
        await infer(session, ROW, infer_path("n"), **ADMIN)
        assert await change(session, "load", "n") == 422
        shutil.rmtree(path)
        await infer(session, ROW, infer_path("n"), **ADMIN)
        assert await change(session, "load", "n") == 404
        await infer(session, ROW, infer_path("n"), **ADMIN)


async def test_what_is_loaded_while_the_server_starts_is_not_replaced_by_what_the_start_found(
    repository, admin, monkeypatch
):
    shutil.rmtree(repository)
    write_model(repository, backend="openvino", model=affine_model(), keys='isolation = "thread"')
    is_tried = asyncio.Event()

    async def try_slowly(*arguments) -> None:
        is_tried.set()
        await try_model(*arguments)

    monkeypatch.setattr(model_control, "try_model", try_slowly)
    server = AcceleratorServer(msgspec.convert(admin, ServerConfig), repository, [])
    starting = asyncio.ensure_future(server.start())
    try:
        await is_tried.wait()
        async with aiohttp.ClientSession(server.address) as session:
            write_model(repository, "m", 2)
            assert await change(session, "load") == 200
            await starting
            assert (await infer(session, ROW, **ADMIN)).model_version == "2"
    finally:
        await starting
        await server.stop()


async def test_a_server_is_not_ready_as_long_as_a_model_is_loading(repository, admin, monkeypatch):
    write_model(repository, "slow", backend="openvino", model=affine_model(), keys='isolation = "thread"')
    is_tried, may_end = asyncio.Event(), asyncio.Event()

    async def wait(*_arguments) -> None:
        is_tried.set()
        await may_end.wait()

    monkeypatch.setattr(model_control, "try_model", wait)
    server = AcceleratorServer(msgspec.convert(admin, ServerConfig), repository, [])
    starting = asyncio.ensure_future(server.start())
    try:
        await is_tried.wait()
        async with aiohttp.ClientSession(server.address, headers=ADMIN) as session:
            await infer(session, ROW)
            for path, method in (("/v2/health/ready", "GET"), ("/v2/models/slow/ready", "GET")):
                assert (await refused(session, path, method))[:2] == (503, "model_not_ready")
            async with session.post("/v2/repository/index") as reply:
                assert {entry["name"]: entry["state"] for entry in await reply.json()} == {
                    "m": "READY",
                    "slow": "LOADING",
                }
            may_end.set()
            await starting
            async with session.get("/v2/health/ready") as reply:
                assert reply.status == 200
    finally:
        may_end.set()
        await starting
        await server.stop()


async def test_the_index_tells_what_could_be_loaded_too(repository, admin):
    write_model(repository, "n", 3)
    async with running(repository, **admin) as session:
        write_model(repository, "late")
        assert await change(session, "unload", "n") == 200
        async with session.post("/v2/repository/index", headers=ADMIN) as reply:
            assert {(entry["name"], entry["version"], entry["state"]) for entry in await reply.json()} == {
                ("m", "1", "READY"),
                ("n", "3", "UNAVAILABLE"),
                ("late", "1", "UNAVAILABLE"),
            }
        shutil.rmtree(repository)
        async with session.post("/v2/repository/index", headers=ADMIN) as reply:
            assert [entry["name"] for entry in await reply.json()] == ["m"]


async def test_several_versions_are_served_side_by_side(repository, admin):
    for version in (2, 3):
        write_model(repository, "m", version)
    async with running(repository, **admin, versions=2) as session:
        for version in ("2", "3"):
            response = await infer(session, ROW, infer_path("m", version), **ADMIN)
            assert response.model_version == version
        assert (await infer(session, ROW, **ADMIN)).model_version == "3"
        assert (await refused(session, infer_path("m", "1"), **posting(ROW, **ADMIN)))[0] == 404
        async with session.get("/v2/models/m", headers=ADMIN) as reply:
            assert (await reply.json())["versions"] == ["2", "3"]


@pytest.mark.parametrize(
    ("newest_says", "served"),
    [
        ("", ["3"]),
        ("versions = 2", ["2", "3"]),
        ("versions = [1, 3]", ["1", "3"]),
        ('versions = "all"', ["1", "2", "3"]),
    ],
    ids=["server", "newest", "named", "all"],
)
async def test_the_newest_version_says_which_are_served(repository, admin, newest_says, served):
    write_model(repository, "m", 2, keys='versions = "all"')
    write_model(repository, "m", 3, keys=newest_says)
    async with running(repository, **admin) as session:
        session.headers.update(ADMIN)
        async with session.get("/v2/models/m") as reply:
            assert (await reply.json())["versions"] == served
        shutil.rmtree(repository / "m" / "3")
        assert await change(session, "load", "m") == 200
        async with session.get("/v2/models/m") as reply:
            assert (await reply.json())["versions"] == ["1", "2"]


def write_refused(repository, name: str = "m", version: int = 1, keys: str = "") -> None:
    write_model(repository, name, version, backend="openvino", model=affine_model(), sha256="00", keys=keys)


async def index(session) -> dict[tuple[str, str], tuple[str, str]]:
    async with session.post("/v2/repository/index", headers=ADMIN) as reply:
        return {
            (entry["name"], entry["version"]): (entry["state"], entry["reason"])
            for entry in await reply.json()
        }


async def refused_versions(session) -> set[tuple[str, str]]:
    """What the metrics say of models."""
    pattern = r'^accelerator_model_refused\{model="(.+)",version="(.+)"\} 1\.0$'
    return set(re.findall(pattern, await metrics(session), re.MULTILINE))


@pytest.mark.parametrize(
    ("n_newest", "newest_says", "bad", "served"),
    [
        (1, "", [4], ["3"]),
        (1, "", [4, 3, 2], ["1"]),
        (2, "", [4], ["2", "3"]),
        (2, "", [3], ["2", "4"]),
        (2, "", [4, 2, 1], ["3"]),
        (1, "versions = 3", [3], ["1", "2", "4"]),
        (1, 'versions = "all"', [3, 1], ["2", "4"]),
        (1, "versions = [1, 2, 4]", [2], ["1", "4"]),
        (1, "versions = [1, 2]", [1], ["2"]),
        (1, "versions = [1, 4]", [4], ["3"]),
        (1, "versions = [4, 7]", [], ["3"]),
        (1, "versions = 0", [], ["3"]),
    ],
)
async def test_at_the_start_the_next_versions_take_the_place_of_those_that_are_refused(
    repository, n_newest, newest_says, bad, served
):
    shutil.rmtree(repository)
    for version in range(1, 5):
        write = write_refused if version in bad else write_model
        write(repository, "m", version, keys=newest_says if version == 4 else "")
    async with running(repository, versions=n_newest) as session, session.get("/v2/models/m") as reply:
        assert (await reply.json())["versions"] == served


async def test_a_model_that_a_failed_reload_left_as_it_was_is_so_after_a_restart_too(
    repository, admin, caplog
):
    write_refused(repository, "m", 2)
    (write_model(repository, "m", 3) / "model.toml").write_text("backend =")

    async def shows_it(session) -> None:
        session.headers.update(ADMIN)
        assert (await infer(session, ROW)).model_version == "1"
        assert (await refused(session, infer_path("m", "2"), **posting(ROW)))[:2] == (503, "model_not_ready")
        assert (await refused(session, infer_path("m", "9"), **posting(ROW)))[:2] == (404, "model_not_found")
        async with session.get("/v2/models/m/versions/2/ready") as reply:
            assert "model m has version 1; 2 is refused" in await reply.text()
        async with session.get("/v2/health/ready") as reply:
            assert reply.status == 200

    async with running(repository, **admin) as session:
        await shows_it(session)
        assert await refused_versions(session) == {("m", "2"), ("m", "3")}
        assert await index(session) == {
            ("m", "1"): ("READY", ""),
            ("m", "2"): ("UNAVAILABLE", "ModelRefusedError"),
            ("m", "3"): ("UNAVAILABLE", "ConfigurationError"),
        }
        async with session.get("/dashboard.json") as reply:
            assert (await reply.json())["state"] == "ready; refused: m 3, m 2"
        assert "model m version 1 is ready, in the place of 3, 2, refused" in caplog.text
        assert await change(session, "load") == 422  # an admin wants what the files say, or nothing
        shutil.rmtree(repository / "m" / "3")
        assert await change(session, "load") == 422
        await shows_it(session)
        assert await refused_versions(session) == {("m", "2")}
        assert (await index(session))["m", "2"] == ("UNAVAILABLE", "ModelRefusedError")
        shutil.rmtree(repository / "m" / "2")
        assert await change(session, "load") == 200
        assert await refused_versions(session) == set()
        assert await index(session) == {("m", "1"): ("READY", "")}


async def test_what_nobody_foresaw_of_one_model_ends_the_service_of_no_other(
    repository, admin, monkeypatch, caplog
):
    write_model(repository, "n")

    def load(folder, *arguments):
        if folder.name == "m":
            raise ZeroDivisionError
        return load_model(folder, *arguments)

    monkeypatch.setattr(model_control, "load_model", load)
    async with running(repository, **admin) as session:
        session.headers.update(ADMIN)
        await infer(session, ROW, infer_path("n"))
        assert (await index(session))["m", "1"] == ("UNAVAILABLE", "ModelRefusedError")
        async with session.post("/v2/repository/models/m/load") as reply:
            assert (reply.status, "ZeroDivisionError" in await reply.text()) == (422, True)
    assert "Traceback" in caplog.text


async def test_a_load_that_is_refused_loads_nothing_else_and_frees_what_it_had(
    repository, admin, monkeypatch
):
    began, freed = [], []

    def load(folder, *arguments):
        began.append(folder.version)
        loaded = load_model(folder, *arguments)
        for backend in loaded.backends:
            backend.close = lambda: freed.append(folder.version)
        return loaded

    async with running(repository, **admin, versions=3) as session:
        monkeypatch.setattr(model_control, "load_model", load)
        write_refused(repository, "m", 2)
        write_model(repository, "m", 3)
        assert await change(session, "load") == 422
        assert (began, freed) == ([3, 2], [3])


async def test_a_version_that_is_loaded_again_is_counted_on(repository, admin):
    async with running(repository, **admin) as session:
        session.headers.update(ADMIN)
        assert await change(session, "load") == 200
        await infer(session, ROW)
        assert 'accelerator_rows_total{model="m",version="1"} 1.0' in await metrics(session)


async def test_a_version_that_serves_and_could_not_be_loaded_again_is_told_once(repository, admin):
    async with running(repository, **admin) as session:
        session.headers.update(ADMIN)
        (repository / "m" / "1" / "model.toml").write_text("backend =")
        assert await change(session, "load") == 422
        assert await index(session) == {("m", "1"): ("READY", "ConfigurationError")}
        assert await refused_versions(session) == {("m", "1")}
        assert (await infer(session, ROW, infer_path("m", "1"))).model_version == "1"


async def test_a_folder_that_does_not_answer_keeps_nobody_waiting_but_who_loads(
    repository, admin, monkeypatch
):
    is_asked, answers = threading.Event(), threading.Event()

    def find_slowly(*arguments):
        is_asked.set()
        assert answers.wait(60)
        return find_versions(*arguments)

    async with running(repository, **admin) as session:
        monkeypatch.setattr(model_control, "find_versions", find_slowly)
        loading = asyncio.ensure_future(change(session, "load"))
        try:
            assert await asyncio.to_thread(is_asked.wait, 60)
            async with asyncio.timeout(30):
                await infer(session, ROW, **ADMIN)
        finally:
            answers.set()
        assert await loading == 200


async def test_a_model_of_which_no_version_can_be_served_is_named_by_all_that_tell_of_it(repository, admin):
    write_refused(repository, "n", 1)
    write_refused(repository, "n", 2)
    async with running(repository, **admin) as session:
        session.headers.update(ADMIN)
        async with session.get("/v2/health/ready") as reply:
            assert reply.status == 503
            assert (await reply.json())["error"] == "not all models are served: n is refused"
        async with session.get("/dashboard.json") as reply:
            assert (await reply.json())["state"] == "not ready: n is refused"
        assert await refused_versions(session) == {("n", "1"), ("n", "2")}
        assert await change(session, "unload", "n") == 200
        assert await refused_versions(session) == set()
        assert await is_ready(session)
        assert await change(session, "unload", "m") == 200
        async with session.get("/v2/health/ready") as reply:
            assert (await reply.json())["error"] == "not all models are served: there are none"


async def test_a_version_that_is_to_be_served_and_is_not_there_refuses_the_model(repository, admin):
    write_model(repository, "n", keys="versions = [1, 7]")
    async with running(repository, **admin) as session:
        status, code, _ = await refused(session, infer_path("n"), **posting(ROW, **ADMIN))
        assert (status, code) == (503, "model_not_ready")
        async with session.post("/v2/repository/models/n/load", headers=ADMIN) as reply:
            assert "versions [7] are to be served, and there are [1]" in await reply.text()


async def test_what_is_not_served_any_more_is_not_measured_any_more(repository, admin):
    write_model(repository, "n")
    async with running(repository, **admin) as session:
        session.headers.update(ADMIN)
        assert await change(session, "unload", "n") == 200
        text = await metrics(session)
    assert 'model="m"' in text
    assert 'model="n"' not in text


@pytest.mark.parametrize("model", ["other", "..", "..%2fother", "%2e%2e%2fother", "m%2f..%2fm", ".hidden"])
async def test_only_models_of_the_repository_can_be_loaded(repository, admin, model):
    write_model(repository.parent, "other")
    write_model(repository, ".hidden")
    async with running(repository, **admin) as session:
        assert await change(session, "load", model) == 404
        assert await change(session, "unload", model) == 404


async def test_parameters_that_would_change_nothing_are_taken_and_others_refused(repository, admin):
    async with running(repository, **admin) as session:
        assert await change(session, "load", json={}) == 200
        assert await change(session, "load", json={"parameters": {"config": "{}"}}) == 400
        for malformed in (b"[", b'{"\xe9": {}}', b'{"a":' + b"[" * 10_000):
            assert await change(session, "load", data=malformed) == 400
        parameters = {"parameters": {"unload_dependents": False}}
        assert await change(session, "unload", json=parameters) == 200
