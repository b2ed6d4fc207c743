"""A fake server in a process of its own, for tests that block or kill."""

import asyncio
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from inference_client.testing.fake_server import FakeServer
from tests.inference_client.images import small_model

ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-m", "tests.inference_client.other_process")


@contextmanager
def fake_server_process(delay_s: float, certificate: str = "") -> Iterator[str]:
    """Address of a server that answers late, over TLS if it has a PEM file (key, certificates) to show."""
    command = [*COMMAND, "--delay", str(delay_s), certificate]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


async def main() -> None:
    # LocalServer gives other words, which are all the same to this server.
    delay_s, certificate = sys.argv[2:] if sys.argv[1:2] == ["--delay"] else ("0", "")
    server = FakeServer(small_model(), float(delay_s))
    if certificate:
        server.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        server.tls.load_cert_chain(certificate)
    async with server:
        print(server.address, flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
