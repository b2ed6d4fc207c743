"""Triton's own client, unmodified, against our server: its questions, and the answers as it reads them."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import tritonclient.http as triton
import tritonclient.http.aio as triton_aio
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from inference_client.protocol.datatypes import DTYPES
from tests.accelerator_server.model_files import affine_model, write_model
from tests.accelerator_server.process import server_process
from tests.accelerator_server.token_files import ADMIN_TOKEN, TOKEN, bearer, write_tokens

ROWS = np.arange(12, dtype=np.float32).reshape(3, 4)
SCORES = ROWS @ np.array([[i + j / 2 for j in range(2)] for i in range(4)], np.float32) + np.float32([0, 1])
"""What `affine_model` makes of ROWS."""
ADMIN, USER = bearer(ADMIN_TOKEN), bearer(TOKEN)


@contextmanager
def client_of(address: str) -> Iterator[triton.InferenceServerClient]:
    client = triton.InferenceServerClient(address.removeprefix("http://"))
    try:
        yield client
    finally:
        client.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> Iterator[str]:
    repository = tmp_path_factory.mktemp("models")
    write_model(repository, backend="openvino", model=affine_model(), keys='labels = ["qcd", "top"]')
    write_model(repository, "many", 1)
    write_model(repository, "many", 2)
    write_model(
        repository,
        "kinds",
        inputs=[(kind, kind, [-1, 2]) for kind in DTYPES],
        outputs=[(f"{kind}_out", kind, [-1, 2]) for kind in DTYPES],
    )
    slow = "[backend_parameters]\nservice_time_s = 0.5"
    write_model(repository, "slow", backend="emulated", tables=slow)
    config = repository / "server.toml"
    config.write_text("versions = 2")
    with server_process(repository, "--config", str(config)) as (_, address):
        yield address


@pytest.fixture
def client(address) -> Iterator[triton.InferenceServerClient]:
    with client_of(address) as client:
        yield client


def tensor(array: np.ndarray, name: str = "x", *, binary: bool = True) -> triton.InferInput:
    given = triton.InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype))
    given.set_data_from_numpy(array, binary_data=binary)
    return given


def code_of(call, *arguments, **more) -> tuple[str, str]:
    with pytest.raises(InferenceServerException) as refused:
        call(*arguments, **more)
    return refused.value.status(), refused.value.message()


def test_health(client):
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("m")
    assert client.is_model_ready("many", "1")
    assert not client.is_model_ready("many", "3")
    assert not client.is_model_ready("nothing")


def test_metadata_of_the_server_and_of_a_model(client):
    server = client.get_server_metadata()
    assert server["name"] == "accelerator-server"
    assert {"binary_tensor_data", "model_repository", "model_configuration", "statistics"} <= set(
        server["extensions"]
    )
    model = client.get_model_metadata("m")
    assert (model["name"], model["versions"], model["platform"]) == ("m", ["1"], "openvino")
    assert model["inputs"] == [{"name": "x", "datatype": "FP32", "shape": [-1, 4]}]
    assert model["outputs"] == [{"name": "y", "datatype": "FP32", "shape": [-1, 2]}]
    assert client.get_model_metadata("many")["versions"] == ["1", "2"]
    assert client.get_model_metadata("many", "2")["versions"] == ["1", "2"]


def test_configuration(client):
    config = client.get_model_config("m")
    assert (config["name"], config["max_batch_size"]) == ("m", 32)
    assert config["input"] == [{"name": "x", "data_type": "TYPE_FP32", "dims": [4]}]
    assert config["output"] == [{"name": "y", "data_type": "TYPE_FP32", "dims": [2]}]


@pytest.mark.parametrize("binary_in", [True, False], ids=["binary in", "JSON in"])
@pytest.mark.parametrize("binary_out", [True, False], ids=["binary out", "JSON out"])
def test_inference(client, binary_in, binary_out):
    outputs = [triton.InferRequestedOutput("y", binary_data=binary_out)]
    result = client.infer("m", [tensor(ROWS, binary=binary_in)], outputs=outputs, request_id="q7")
    np.testing.assert_allclose(result.as_numpy("y"), SCORES, rtol=1e-6)
    response = result.get_response()
    assert (response["id"], response["model_name"], response["model_version"]) == ("q7", "m", "1")
    assert result.get_output("y")["shape"] == [3, 2]
    assert ("binary_data_size" in result.get_output("y").get("parameters", {})) == binary_out


def test_inference_without_named_outputs_gives_all_of_them(client):
    np.testing.assert_allclose(client.infer("m", [tensor(ROWS)]).as_numpy("y"), SCORES, rtol=1e-6)


def test_the_record_of_who_computed_travels_as_parameters(client):
    parameters = client.infer("m", [tensor(ROWS)]).get_response()["parameters"]
    assert (parameters["backend"], parameters["precision"], parameters["batch_rows"]) == (
        "openvino",
        "f32",
        3,
    )


def test_a_version_may_be_asked_for(client):
    for asked, answered in (("1", "1"), ("2", "2"), ("", "2")):
        result = client.infer("many", [tensor(ROWS)], model_version=asked)
        assert result.get_response()["model_version"] == answered
        np.testing.assert_array_equal(result.as_numpy("y"), ROWS[:, :2])


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "JSON"])
def test_every_datatype_arrives_and_returns(client, binary):
    kinds = [kind for kind in DTYPES if binary or kind != "FP16"]  # their client has no FP16 in JSON
    sent = {kind: np.array([[0, 1], [1, 0]]).astype(DTYPES[kind]) for kind in DTYPES}
    inputs = [tensor(array, kind, binary=binary or kind == "FP16") for kind, array in sent.items()]
    outputs = [triton.InferRequestedOutput(f"{kind}_out", binary_data=binary) for kind in kinds]
    result = client.infer("kinds", inputs, outputs=outputs)
    for kind in kinds:
        found = result.as_numpy(f"{kind}_out")
        assert found.dtype == DTYPES[kind]
        np.testing.assert_array_equal(found, sent[kind])


def test_requests_in_flight_at_once(address):
    with_many = triton.InferenceServerClient(address.removeprefix("http://"), concurrency=8)
    try:
        rows = [np.full((1, 4), k, np.float32) for k in range(40)]
        pending = [with_many.async_infer("many", [tensor(row)]) for row in rows]
        for row, one in zip(rows, pending, strict=True):
            np.testing.assert_array_equal(one.get_result().as_numpy("y"), row[:, :2])
    finally:
        with_many.close()


@pytest.mark.parametrize("packing", ["gzip", "deflate"])
def test_bodies_may_be_packed(client, packing):
    image = np.zeros((4, 4), np.float32)
    result = client.infer(
        "many",
        [tensor(image)],
        request_compression_algorithm=packing,
        response_compression_algorithm=packing,
    )
    np.testing.assert_array_equal(result.as_numpy("y"), image[:, :2])


def test_no_rows_are_answered_with_no_rows(client):
    assert client.infer("many", [tensor(np.empty((0, 4), np.float32))]).as_numpy("y").shape == (0, 2)


def test_statistics_count_what_was_asked(client):
    (before,) = client.get_inference_statistics("many", "1")["model_stats"]
    client.infer("many", [tensor(ROWS)], model_version="1")
    (after,) = client.get_inference_statistics("many", "1")["model_stats"]
    assert (after["name"], after["version"]) == ("many", "1")
    assert after["inference_count"] - before["inference_count"] == 3
    assert after["execution_count"] - before["execution_count"] == 1
    success = after["inference_stats"]["success"]
    assert success["count"] - before["inference_stats"]["success"]["count"] == 1
    assert success["ns"] > before["inference_stats"]["success"]["ns"]
    names = {entry["name"] for entry in client.get_inference_statistics()["model_stats"]}
    assert names == {"m", "many", "kinds", "slow"}


def test_statistics_of_a_model_are_those_of_all_its_versions(client):
    told = client.get_inference_statistics("many")["model_stats"]
    assert [(entry["name"], entry["version"]) for entry in told] == [("many", "1"), ("many", "2")]
    assert code_of(client.get_inference_statistics, "nothing")[0] == "404"


def test_the_repository_index_names_all_versions(client):
    index = {
        (entry["name"], entry["version"]): entry["state"] for entry in client.get_model_repository_index()
    }
    assert index["m", "1"] == index["many", "1"] == index["many", "2"] == "READY"


REFUSED = {
    "an unknown model": ("404", "nothing", ROWS, {}),
    "an unknown version": ("404", "m", ROWS, {"model_version": "9"}),
    "another shape": ("422", "m", ROWS[:, :3], {}),
    "another datatype": ("422", "m", ROWS.astype(np.float64), {}),
    "too many rows": ("413", "m", np.zeros((33, 4), np.float32), {}),
    "an unknown output": ("422", "m", ROWS, {"outputs": [triton.InferRequestedOutput("z")]}),
    "a classification": ("400", "m", ROWS, {"outputs": [triton.InferRequestedOutput("y", class_count=1)]}),
    "a timeout that passes": ("504", "slow", ROWS, {"timeout": 1000}),
}


@pytest.mark.parametrize(("status", "model", "rows", "more"), REFUSED.values(), ids=REFUSED.keys())
def test_a_refusal_is_an_exception_with_status_and_words(client, status, model, rows, more):
    found, message = code_of(client.infer, model, [tensor(rows)], **more)
    assert found == status, message
    assert len(message) > 10


def test_loading_and_unloading_are_for_admins(tmp_path):
    repository = tmp_path / "models"
    write_model(repository)
    tokens = write_tokens(tmp_path)
    config = tmp_path / "server.toml"
    config.write_text("\n".join(f"{key} = {value}" for key, value in tokens.items()))
    with (
        server_process(repository, "--config", str(config)) as (_, address),
        client_of(address) as client,
    ):
        assert client.is_server_live()
        assert code_of(client.get_server_metadata)[0] == "401"
        assert code_of(client.infer, "m", [tensor(ROWS)], headers=bearer("x" * 20))[0] == "401"
        client.infer("m", [tensor(ROWS)], headers=USER)
        assert code_of(client.unload_model, "m", headers=USER)[0] == "403"
        write_model(repository, "m", 2)
        client.load_model("m", headers=ADMIN)
        assert client.infer("m", [tensor(ROWS)], headers=USER).get_response()["model_version"] == "2"
        client.unload_model("m", headers=ADMIN)
        assert not client.is_model_ready("m", headers=USER)
        assert code_of(client.infer, "m", [tensor(ROWS)], headers=USER)[0] == "404"
        client.load_model("m", headers=ADMIN)
        assert client.is_model_ready("m", headers=USER)
        overridden = code_of(client.load_model, "m", headers=ADMIN, config='{"max_batch_size": 1}')
        assert overridden[0] == "400"


async def test_their_client_for_asyncio(address):
    async with triton_aio.InferenceServerClient(address.removeprefix("http://")) as client:
        assert await client.is_server_ready()
        result = await client.infer("m", [tensor(ROWS)])
        np.testing.assert_allclose(result.as_numpy("y"), SCORES, rtol=1e-6)
