"""The description is valid, complete, and what is answered is what it says."""

import re

import pytest
from openapi_spec_validator import validate

from accelerator_server.config import ServerConfig
from accelerator_server.http.openapi import describe
from accelerator_server.lifecycle import AcceleratorServer
from tests.accelerator_server.model_files import write_model
from tests.accelerator_server.running import running


@pytest.mark.parametrize("with_tokens", [False, True])
def test_the_description_is_valid(with_tokens):
    validate(describe(with_tokens=with_tokens))


def test_every_route_is_described_and_nothing_else(tmp_path):
    write_model(tmp_path)
    server = AcceleratorServer(ServerConfig(), tmp_path, [])
    served = {
        (route.method.lower(), route.resource.canonical)
        for route in server._runner.app.router.routes()
        if route.method != "HEAD"
    }
    paths = describe(with_tokens=False)["paths"]
    described = {(method, path) for path in paths for method in paths[path].keys() & {"get", "post"}}
    assert described == served


async def test_what_is_described_is_answered_with_a_described_status_and_type(tmp_path):
    write_model(tmp_path)
    async with running(tmp_path) as session:
        async with session.get("/openapi.json") as reply:
            description = await reply.json()
        for path, operations in description["paths"].items():
            for method in operations.keys() & {"get", "post"}:
                url = re.sub(r"\{model\}", "m", path).replace("{version}", "1")
                if url.startswith("/v2/repository/models/") or url.endswith("/infer"):
                    continue  # what these answer depends on bodies and tokens; they have tests of their own
                async with session.request(method, url, allow_redirects=False) as reply:
                    await reply.read()
                    answer = operations[method]["responses"][str(reply.status)]
                    if "content" in answer:
                        assert reply.content_type in answer["content"], (method, url)
