"""The routes over real sockets: what is answered, and what is refused by status and code."""

import re
from collections import Counter

import numpy as np
import pytest

from accelerator_server.errors import StartError
from inference_client.protocol import codec, headers
from inference_client.protocol.arrays import to_array
from inference_client.protocol.messages import InferenceRequest
from inference_client.protocol.routes import infer_path
from inference_client.protocol.specification import specification_hash
from tests.accelerator_server.answers import INFER, infer, refused
from tests.accelerator_server.model_files import affine_model, write_model
from tests.accelerator_server.running import posting, request_of, running
from tests.accelerator_server.token_files import TOKEN, bearer, write_tokens


async def test_a_request_is_answered_with_its_rows_and_its_record(tmp_path):
    tables = '[image_spec]\nwidth = 224\nrule = "area"'
    write_model(tmp_path, backend="openvino", model=affine_model(), tables=tables)
    async with running(tmp_path, name="box") as session:
        response = await infer(session, request_of([[1, 0, 0, 0], [0, 1, 0, 0]]))
        async with session.get("/v2/models/m") as reply:
            metadata = codec.decode_model_metadata(await reply.read())
    assert (response.id, response.model_name, response.model_version) == ("r1", "m", "1")
    np.testing.assert_allclose(to_array(response.outputs[0]), [[0, 1.5], [1, 2.5]])
    record = response.parameters
    assert (record.server, record.device, record.backend, record.precision) == (
        "box",
        "cpu",
        "openvino",
        "f32",
    )
    assert record.batch_rows == 2
    assert record.queue_us >= 0
    assert record.compute_us > 0
    assert record.model_sha256 == metadata.parameters.sha256 != ""
    assert record.image_spec_hash == metadata.parameters.image_spec_hash
    assert metadata.parameters.image_spec_hash == specification_hash({"width": 224, "rule": "area"})
    assert metadata.parameters.image_spec == {"width": 224, "rule": "area"}


async def test_metadata_say_what_a_client_must_know(tmp_path):
    write_model(tmp_path, version=3, keys='max_rows = 5\nlabels = ["QCD", "top"]\nreproducible = true')
    async with running(tmp_path) as session:
        async with session.get("/v2") as reply:
            server = codec.decode_server_metadata(await reply.read())
        async with session.get("/v2/models/m/versions/3") as reply:
            model = codec.decode_model_metadata(await reply.read())
        async with session.get("/v2/models/m/config") as reply:
            config = await reply.json()
        async with session.post("/v2/repository/index") as reply:
            index = await reply.json()
    assert server.speaks_our_dialect
    assert (model.name, model.versions, model.platform) == ("m", ["3"], "echo")
    assert [(x.name, x.datatype, x.shape) for x in model.inputs] == [("x", "FP32", [-1, 4])]
    assert model.parameters.encodings == ["plain", "scaled", "sparse"]
    assert model.parameters.max_rows == 5
    assert model.parameters.labels == ["QCD", "top"]
    assert model.parameters.reproducible
    assert config["max_batch_size"] == 5
    assert config["input"] == [{"name": "x", "data_type": "TYPE_FP32", "dims": [4]}]
    assert index == [{"name": "m", "version": "3", "state": "READY", "reason": ""}]


@pytest.mark.parametrize("path", ["/v2/health/live", "/v2/health/ready", "/v2/models/m/ready"])
async def test_a_healthy_server_says_so(tmp_path, path):
    write_model(tmp_path)
    async with running(tmp_path) as session, session.get(path) as reply:
        assert reply.status == 200


SHORT = codec.encode_request(request_of([[1] * 4]))


@pytest.mark.parametrize(
    ("expected", "path", "arguments"),
    [
        ((400, "bad_body"), INFER, posting(b"\xc1")),
        ((400, "bad_body"), INFER, posting(b"")),
        ((404, "model_not_found"), infer_path("n"), posting(SHORT)),
        ((404, "model_not_found"), infer_path("m", "7"), posting(SHORT)),
        ((404, "not_found"), "/v3", posting(SHORT)),
        ((408, "digest"), INFER, posting(SHORT, **{headers.BODY_CRC32: "00000000"})),
        ((413, "body_too_large"), INFER, posting(bytes(1001))),
        ((413, "too_many_rows"), INFER, posting(request_of([[1] * 4] * 5))),
        ((415, "unsupported_media_type"), INFER, {"data": SHORT, "headers": {"Content-Type": "text/html"}}),
        ((400, "bad_request"), INFER, posting(SHORT, **{"Content-Encoding": "gzip"})),
        ((415, "unsupported_media_type"), INFER, posting(SHORT, **{"Content-Encoding": "foo"})),
        ((422, "signature"), INFER, posting(request_of([[1] * 3]))),
        ((422, "signature"), INFER, posting(InferenceRequest(id="1", inputs=[]))),
    ],
    ids=lambda value: value[1] if isinstance(value, tuple) else "",
)
async def test_what_cannot_be_served_is_refused_by_status_and_code(tmp_path, expected, path, arguments):
    write_model(tmp_path, keys="max_rows = 4")
    async with running(tmp_path, max_body_bytes=1000) as session:
        assert (await refused(session, path, **arguments))[:2] == expected
        await infer(session, request_of([[1] * 4]))


async def test_a_wrong_method_is_told_the_right_one(tmp_path):
    write_model(tmp_path)
    async with running(tmp_path) as session:
        status, code, reply = await refused(session, INFER, "GET")
    assert (status, code, reply.headers["Allow"]) == (405, "method_not_allowed", "POST")


async def test_the_request_id_comes_back_in_header_and_error(tmp_path):
    write_model(tmp_path)
    async with running(tmp_path) as session:
        arguments = posting(b"\xc1", **{headers.REQUEST_ID: "abc"})
        async with session.post(INFER, **arguments) as reply:
            assert reply.headers[headers.REQUEST_ID] == "abc"
            assert codec.decode_error(await reply.read()).id == "abc"


async def test_a_refused_model_leaves_the_others_and_readiness_says_so(tmp_path):
    write_model(tmp_path)
    write_model(tmp_path, "broken", model=affine_model(), sha256="00", backend="openvino")
    async with running(tmp_path) as session:
        await infer(session, request_of([[1] * 4]))
        assert (await refused(session, "/v2/health/ready", "GET"))[:2] == (503, "model_not_ready")
        broken = await refused(session, infer_path("broken"), **posting(SHORT))
        assert broken[:2] == (503, "model_not_ready")
        async with session.post("/v2/repository/index") as reply:
            index = {model["name"]: model["state"] for model in await reply.json()}
    assert index == {"m": "READY", "broken": "UNAVAILABLE"}


async def test_a_server_none_of_whose_models_can_be_served_does_not_start(tmp_path):
    write_model(tmp_path, model=affine_model(), sha256="00", backend="openvino")
    with pytest.raises(StartError, match="sha256"):
        async with running(tmp_path):
            pass


async def test_every_request_is_counted_once_under_the_status_that_was_sent(tmp_path):
    write_model(tmp_path / "models")
    tokens = write_tokens(tmp_path)
    known, unknown = bearer(TOKEN), bearer("x" * 20)
    row = request_of([[1] * 4])
    sent: Counter[str] = Counter()
    async with running(tmp_path / "models", **tokens) as session:
        for method, path, arguments in (
            ("POST", INFER, posting(row, **known)),
            ("POST", INFER, posting(row, **unknown)),
            ("POST", INFER, posting(row, **known, **{headers.BODY_CRC32: "00000000"})),
            ("POST", INFER, posting(row, **known, **{headers.DEADLINE_MS: "0"})),
            ("POST", INFER, posting(b"\xc1", **known)),
            ("POST", infer_path("none"), posting(row, **known)),
            ("GET", "/nowhere", {"headers": known}),
            ("DELETE", INFER, {"headers": known}),
            ("POST", "/v2/repository/models/m/load", {"headers": known}),
            ("GET", "/", {}),
            ("POST", "/login", {"data": {"token": "x" * 20}}),
            ("POST", "/login", {"data": {"token": TOKEN}, "allow_redirects": False}),
        ):
            async with session.request(method, path, **arguments) as reply:
                sent[str(reply.status)] += 1
        async with session.get("/metrics", headers=known) as reply:
            text = await reply.text()
    counted = re.findall(r'^accelerator_requests_total\{status="(\d+)"\} (\S+)$', text, re.MULTILINE)
    causes = re.findall(r'^accelerator_refusals_total\{code="\w+"\} (\S+)$', text, re.MULTILINE)
    assert {status: float(n) for status, n in counted} == sent
    assert sum(map(float, causes)) == sum(n for status, n in sent.items() if status >= "400")
