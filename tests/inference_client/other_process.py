"""A fake server in a process of its own, for tests that block or kill."""

import asyncio
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
def fake_server_process(delay_s: float) -> Iterator[str]:
    command = [*COMMAND, "--delay", str(delay_s)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


async def main() -> None:
    delay_s = float(sys.argv[2]) if sys.argv[1:2] == ["--delay"] else 0.0
    async with FakeServer(small_model(), delay_s) as server:
        print(server.address, flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
