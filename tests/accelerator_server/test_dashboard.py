"""The dashboard: its numbers, its login, and what a browser makes of it."""

import os
import re
from pathlib import Path

import pytest
import zstandard

from accelerator_server.dashboard import read_page
from tests.accelerator_server.answers import infer, refused
from tests.accelerator_server.browser import browser
from tests.accelerator_server.model_files import write_model
from tests.accelerator_server.running import request_of, running, started
from tests.accelerator_server.token_files import TOKEN, bearer, write_tokens

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PICTURES = os.environ.get("EVENTPROC_PICTURES", "")


@pytest.fixture
def repository(tmp_path):
    write_model(tmp_path / "models", "toptag")
    return tmp_path / "models"


@pytest.fixture
def tokens(tmp_path):
    return write_tokens(tmp_path)


async def log_in(session, token: str, **headers):
    async with session.post("/login", data={"token": token}, headers=headers, allow_redirects=False) as reply:
        return reply, await reply.text()


async def test_the_numbers_tell_models_clients_and_refusals(repository):
    async with running(repository) as session:
        for n_rows in (1, 3, 3):
            path = "/v2/models/toptag/infer"
            await infer(session, request_of([[1] * 4] * n_rows), path, **{"X-Client-Id": "job-7"})
        await refused(session, "/v2/models/nothing/infer", headers={"X-Client-Id": "job-8"})
        async with session.get("/dashboard.json") as reply:
            numbers = await reply.json()
    (model,) = numbers["models"]
    assert (model["name"], model["n_requests"], model["n_rows"]) == ("toptag", 3, 7)
    assert model["batches"] == [[1, 1], [3, 2]]
    assert 0 < model["latency_s"][0] <= model["latency_s"][1] <= model["latency_s"][2] < 10
    assert numbers["clients"] == [
        {"name": "job-8", "n_requests": 0, "n_rows": 0, "n_refused": 1},
        {"name": "job-7", "n_requests": 3, "n_rows": 7, "n_refused": 0},
    ]
    assert numbers["refusals"] == {"model_not_found": 1}
    assert numbers["received_bytes"] > 0
    assert (numbers["state"], numbers["has_session"]) == ("ready", False)


async def test_a_session_reads_and_does_nothing_else(repository, tokens):
    async with running(repository, **tokens) as session:
        reply, _ = await log_in(session, TOKEN)
        assert (reply.status, reply.headers["Location"]) == (303, "/")
        cookie = reply.headers["Set-Cookie"]
        assert {"HttpOnly", "SameSite=Strict"} <= set(cookie.split("; "))
        assert TOKEN not in cookie
        session.headers["Cookie"] = cookie.split(";")[0]
        assert await status(session, "GET", "/dashboard.json") == 200
        assert await status(session, "POST", "/v2/repository/index") == 401
        assert await status(session, "POST", "/logout", allow_redirects=False) == 303
        assert await status(session, "GET", "/dashboard.json") == 401


async def test_sessions_end_when_tokens_are_read_again(repository, tokens):
    async with started(repository, **tokens) as (server, session):
        reply, _ = await log_in(session, TOKEN)
        session.headers["Cookie"] = reply.headers["Set-Cookie"].split(";")[0]
        assert await status(session, "GET", "/dashboard.json") == 200
        server.reread()
        assert await status(session, "GET", "/dashboard.json") == 401


def write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


async def status(session, method: str, path: str, **arguments) -> int:
    async with session.request(method, path, **arguments) as reply:
        await reply.read()
        return reply.status


async def test_a_wrong_token_is_shown_the_form_again(repository, tokens):
    async with running(repository, **tokens) as session:
        reply, text = await log_in(session, "not-a-token-0123456")
    assert reply.status == 401
    assert "Set-Cookie" not in reply.headers
    assert 'role="alert"' in text


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"token=%ff", b"&" * 4096])
async def test_what_is_no_form_is_no_login(repository, tokens, body):
    async with running(repository, **tokens) as session:
        assert await status(session, "POST", "/login", data=body, headers=FORM) == 401


async def test_forms_of_strangers_are_bounded(repository, tokens):
    async def pieces():
        for _ in range(3):
            yield b"x" * 2000

    packed = zstandard.ZstdCompressor().compress(b"&" * 2**20)  # 70 bytes, and a million fields
    async with running(repository, **tokens) as session:
        for body, more in ((b"x" * 4097, {}), (pieces(), {}), (packed, {"Content-Encoding": "zstd"})):
            assert await status(session, "POST", "/login", data=body, headers={**FORM, **more}) == 413


async def test_the_page_may_load_nothing_from_elsewhere(repository):
    async with running(repository) as session, session.get("/") as reply:
        policy, text = reply.headers["Content-Security-Policy"], await reply.text()
    assert policy.startswith("default-src 'none'; connect-src 'self'")
    assert "unsafe" not in policy
    assert not re.findall(r"(?:src|href)\s*=", text)
    for address in re.findall(r"https?://[^\"]+", text):
        assert address == "http://www.w3.org/2000/svg"
    assert "innerHTML" not in read_page("index.html")


@pytest.mark.requires("chromium")
@pytest.mark.parametrize(("width", "height"), [(390, 844), (1280, 900)], ids=["phone", "desk"])
async def test_a_browser_logs_in_by_keyboard_and_shows_live_numbers(
    repository, tokens, tmp_path, width, height
):
    path = "/v2/models/toptag/infer"
    async with running(repository, **tokens) as session, browser() as page:
        await infer(session, request_of([[1] * 4] * 5), path, **bearer(TOKEN))
        await page.open(str(session._base_url), width, height)
        await page.until("document.activeElement.id === 'token'")
        await page.type(TOKEN)
        await page.press("Enter", 13)
        await page.until("document.querySelector('#state')?.textContent === 'ready'")
        assert "toptag 1" in await page.value("document.querySelector('#models').textContent")
        assert "analysis" in await page.value("document.querySelector('#clients').textContent")
        points = "document.querySelector('#rate polyline').getAttribute('points').split(' ').length"
        seen = await page.value(points)
        for _ in range(3):
            await infer(session, request_of([[1] * 4] * 5), path, **bearer(TOKEN))
        await page.until(f"{points} > {seen + 1}")
        await page.until("document.querySelector('#clients').textContent.includes('analysis420')")
        # Nothing but the tables, which scroll by themselves, is wider than the window.
        assert await page.value("document.documentElement.scrollWidth") <= width
        focused = set()
        for _ in range(6):
            await page.press("Tab", 9)
            focused.add(await page.value("document.activeElement.getAttribute('aria-label') ?? 'button'"))
        assert {"button", "Models", "Batch sizes", "Clients", "Refusals"} <= focused
        write(Path(PICTURES or tmp_path) / f"dashboard_{width}.png", await page.screenshot())
        assert [text for text in page.errors if "401" not in text] == []  # the form came with 401
        await page.value("document.querySelector('#logout').requestSubmit()")
        await page.until("document.activeElement.id === 'token'")
