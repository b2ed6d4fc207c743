"""A headless Chromium, driven through its DevTools protocol."""

import asyncio
import base64
import contextlib
import itertools
import json
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

NAMES = ("chromium", "chromium-browser", "google-chrome")
# Without a sandbox, since tests may run as root in a container; only our own page is opened.
OPTIONS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run")
TIMEOUT_S = 60


class PageChanged(Exception):
    """The page went away while it was asked: another one comes."""


class Page:
    """One tab."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self.errors: list[str] = []

    async def call(self, method: str, **parameters):
        """Calls a method of the DevTools protocol."""
        number = next(self._ids)
        await self._socket.send_str(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = json.loads((await self._socket.receive(TIMEOUT_S)).data)
            if message.get("id") == number:
                if "navigated" in message.get("error", {}).get("message", ""):
                    raise PageChanged
                assert "error" not in message, message
                return message["result"]
            if message.get("method") == "Runtime.exceptionThrown":
                self.errors.append(json.dumps(message["params"]))
            entry = message.get("params", {}).get("entry", {})
            if entry.get("level") == "error":
                self.errors.append(entry["text"])

    async def open(self, address: str, width: int, height: int) -> None:
        """Opens a page in a window of this size."""
        for domain in ("Page", "Runtime", "Log"):
            await self.call(f"{domain}.enable")
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        await self.call("Emulation.setDeviceMetricsOverride", **size)
        await self.call("Page.navigate", url=address)

    async def value(self, expression: str):
        """Value of a JavaScript expression."""
        answer = await self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        return answer["result"].get("value")

    async def until(self, expression: str):
        """Waits until an expression is true; gives its value."""
        async with asyncio.timeout(TIMEOUT_S):
            while True:
                with contextlib.suppress(PageChanged):
                    if found := await self.value(expression):
                        return found

    async def type(self, text: str) -> None:
        """Types into what has the focus."""
        await self.call("Input.insertText", text=text)

    async def press(self, key: str, code: int) -> None:
        """Presses a key."""
        common = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        text = {"text": "\r"} if key == "Enter" else {}
        with contextlib.suppress(PageChanged):
            await self.call("Input.dispatchKeyEvent", type="keyDown", **common, **text)
            await self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    async def screenshot(self) -> bytes:
        """A picture of the window, PNG."""
        answer = await self.call("Page.captureScreenshot", format="png")
        return base64.b64decode(answer["data"])


@asynccontextmanager
async def browser() -> AsyncIterator[Page]:
    """Starts Chromium with a profile of its own and yields its first tab."""
    program = next(filter(None, map(shutil.which, NAMES)))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            program,
            *OPTIONS,
            "--remote-debugging-port=0",
            f"--user-data-dir={profile}",
            "about:blank",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            port = await _port(process.stderr)
            async with aiohttp.ClientSession() as session:
                async with session.get(f"http://127.0.0.1:{port}/json/list") as reply:
                    (tab,) = [one for one in await reply.json() if one["type"] == "page"]
                async with session.ws_connect(tab["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                    yield Page(socket)
        finally:
            process.kill()
            await process.communicate()


async def _port(stderr: asyncio.StreamReader) -> int:
    async with asyncio.timeout(TIMEOUT_S):
        while line := (await stderr.readline()).decode():
            if "DevTools listening on ws://127.0.0.1:" in line:
                return int(line.split("127.0.0.1:")[1].split("/")[0])
    message = "Chromium ended before it listened"
    raise AssertionError(message)
