"""Every route wants a token but liveness; admins may more than others; tokens are changed without a stop."""

import re
from pathlib import Path

import pytest

from accelerator_server.config import ServerConfig
from accelerator_server.lifecycle import AcceleratorServer
from inference_client.protocol.routes import LIVE
from tests.accelerator_server.answers import infer, refused
from tests.accelerator_server.model_files import write_model
from tests.accelerator_server.running import posting, request_of, running, started
from tests.accelerator_server.token_files import ADMIN_TOKEN, OLD_TOKEN, TOKEN, bearer, write_tokens

LOAD = "/v2/repository/models/m/load"


@pytest.fixture
def repository(tmp_path):
    write_model(tmp_path / "models")
    return tmp_path / "models"


@pytest.fixture
def tokens(tmp_path):
    return write_tokens(tmp_path)


def all_routes(repository) -> list[tuple[str, str]]:
    server = AcceleratorServer(ServerConfig(), repository, [])
    routes = {
        (route.method, re.sub(r"\{model\}", "m", route.resource.canonical).replace("{version}", "1"))
        for route in server._runner.app.router.routes()
    }
    assert len(routes) > 20
    return sorted(routes)


@pytest.mark.parametrize(
    "credentials",
    [
        {},
        bearer("not-a-token-0123456"),
        bearer(TOKEN[:-1]),
        bearer(""),
        {"Authorization": TOKEN},
        {"Authorization": f"Basic {TOKEN}"},
        {"Cookie": f"accelerator_session={TOKEN}"},
    ],
    ids=str,
)
async def test_no_route_but_liveness_is_answered_without_a_token(repository, tokens, credentials):
    twisted = [LIVE + "/", "/v2/health/%6cive/", "/V2/health/live", "/v2/health/live;x", "/nowhere"]
    others = [(method, LIVE) for method in ("POST", "PUT", "DELETE", "OPTIONS")]
    asked = [*all_routes(repository), *[("GET", path) for path in twisted], *others]
    async with running(repository, **tokens) as session:
        # The short way, which a connection takes until anything else came over it.
        inference = posting(request_of([[1] * 4]), **credentials)
        assert (await refused(session, **inference))[:2] == (401, "unauthenticated")
        for method, path in asked:
            async with session.request(method, path, headers=credentials) as reply:
                expected = 200 if path == LIVE and method in ("GET", "HEAD") else 401
                assert reply.status == expected, (method, path)
                if expected == 401:
                    assert reply.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("token", [TOKEN, OLD_TOKEN, ADMIN_TOKEN])
async def test_every_token_of_every_file_is_taken(repository, tokens, token):
    async with running(repository, **tokens) as session:
        await infer(session, request_of([[1] * 4]), **bearer(token))


async def test_only_admins_load_and_unload(repository, tokens):
    async with running(repository, **tokens) as session:
        assert (await refused(session, LOAD, headers=bearer(TOKEN)))[:2] == (403, "forbidden")
        async with session.post(LOAD, headers=bearer(ADMIN_TOKEN)) as reply:
            assert reply.status == 200


async def test_without_tokens_nobody_is_an_admin(repository):
    async with running(repository) as session:
        await infer(session, request_of([[1] * 4]))
        assert (await refused(session, LOAD))[:2] == (403, "forbidden")


async def test_tokens_are_read_again_and_a_broken_file_changes_nothing(repository, tokens):
    (file,) = tokens["token_files"]
    async with started(repository, **tokens) as (server, session):
        replace(file, "another-token-0123456")
        server.reread()
        assert (await refused(session, "/v2", "GET", headers=bearer(TOKEN)))[:2] == (401, "unauthenticated")
        await infer(session, request_of([[1] * 4]), **bearer("another-token-0123456"))
        replace(file, "short")
        server.reread()
        await infer(session, request_of([[1] * 4]), **bearer("another-token-0123456"))


def replace(file: str, token: str) -> None:
    Path(file).write_text(token)
