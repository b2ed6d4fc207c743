"""A client and its servers in a network of their own, whose loopback device loses packets or is slow.

unshare --user --map-root-user --net python -m tests.inference_client.bad_network partition|narrow SECONDS
prints what became of the requests, as JSON.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field

from inference_client.client import InferenceClient
from inference_client.configuration import ClientConfiguration
from inference_client.errors import InferenceError
from inference_client.testing.fake_server import FakeServer
from inference_client.transport.expiry import GRACE_TURNS
from tests.inference_client.images import small_model, sparse_request, sums
from tests.own_clock import own_clock_s

TIMEOUT_S = 2.0
N_CALLERS = 6
LONGEST_HEALING_S = 60.0
BITS_PER_S = 1_000_000
PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"


@dataclass
class Phase:
    """What became of the requests that were asked in a stretch of time."""

    answered: int = 0
    wrong: int = 0
    failed: list[str] = field(default_factory=list)
    longest_s: float = 0.0
    by_server: list[int] = field(default_factory=list)


def run(line: str) -> None:
    subprocess.run(line.split(), check=True, env=os.environ | {"PATH": PATH})


def cut(servers: list[FakeServer]) -> None:
    """Loses every packet to and from servers, and tells nobody."""
    run("nft add table inet cut")
    run("nft add chain inet cut packets { type filter hook input priority 0 ; }")
    for port in (server.address.rsplit(":", 1)[1] for server in servers):
        run(f"nft add rule inet cut packets tcp dport {port} drop")
        run(f"nft add rule inet cut packets tcp sport {port} drop")


def heal() -> None:
    run("nft delete table inet cut")


class Asking:
    """Callers that ask all the time; `phase` is what they count in."""

    def __init__(self, client: InferenceClient) -> None:
        self.phase = Phase()
        self._client = client

    async def caller(self, k: int) -> None:
        value = float(k)
        while True:
            phase, begun_s = self.phase, own_clock_s()
            value += N_CALLERS
            try:
                result = await self._client.infer(sparse_request([value]))
            except InferenceError as error:
                phase.failed.append(f"{type(error).__name__}: {error}")
            else:
                phase.answered += 1
                phase.wrong += sums(result) != [value]
            phase.longest_s = max(phase.longest_s, own_clock_s() - begun_s)
            await asyncio.sleep(0.01)


@asynccontextmanager
async def asking(servers: list[FakeServer]) -> AsyncIterator[Asking]:
    configuration = ClientConfiguration(
        "fake",
        servers=[server.address for server in servers],
        timeout_s=TIMEOUT_S,
        connect_timeout_s=0.5,
        allowed_tries=20,
        max_rows=1,
        max_in_flight=N_CALLERS,
    )
    async with InferenceClient(configuration) as client:
        callers = Asking(client)
        tasks = [asyncio.ensure_future(callers.caller(k)) for k in range(N_CALLERS)]
        try:
            yield callers
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def partition(seconds: float) -> list[Phase]:
    """All is well; one of two servers is lost; both answer; both are lost; they come back; all is well."""
    async with FakeServer(small_model()) as one, FakeServer(small_model()) as other:
        servers = [one, other]
        phases = []
        async with asking(servers) as callers:
            for lost in ([], [one], [], servers, [], []):
                callers.phase = Phase()
                phases.append(callers.phase)
                if lost:
                    cut(lost)
                    for _ in range(GRACE_TURNS):  # in which servers read what came in before the cut
                        await asyncio.sleep(0)
                before = [len(server.requests) for server in servers]
                if lost:
                    await asyncio.sleep(seconds)
                else:
                    await both_answer(servers, before)
                came = [len(server.requests) for server in servers]
                callers.phase.by_server = [now - then for now, then in zip(came, before, strict=True)]
                if lost:
                    heal()
        return phases


async def both_answer(servers: list[FakeServer], before: list[int]) -> None:
    async with asyncio.timeout(LONGEST_HEALING_S):
        for server, came in zip(servers, before, strict=True):
            await server.arrived(came + 20)


async def narrow(seconds: float) -> dict:
    """One server behind a line of a megabit a second, asked for as much as that takes so many seconds."""
    run(f"tc qdisc add dev lo root tbf rate {BITS_PER_S}bit burst 4kb latency 3000ms")
    n_requests = int(BITS_PER_S / 8 * seconds / 10_000)
    async with FakeServer(small_model()) as server:
        configuration = ClientConfiguration("fake", servers=[server.address], timeout_s=60.0, max_rows=1000)
        async with InferenceClient(configuration) as client:
            begun_s = asyncio.get_running_loop().time()
            wanted = [[float(k + row) for row in range(1000)] for k in range(n_requests)]
            results = await asyncio.gather(*(client.infer(sparse_request(values)) for values in wanted))
            took_s = asyncio.get_running_loop().time() - begun_s
            figures = client.statistics()
    return {
        "right": sum(sums(result) == values for result, values in zip(results, wanted, strict=True)),
        "asked": n_requests,
        "bytes": figures.sent_bytes + figures.received_bytes,
        "took_s": took_s,
        "retries": figures.retries,
        "failures": figures.servers[0].failures,
        "state": figures.servers[0].state,
    }


def main() -> None:
    scenario, seconds = sys.argv[1], float(sys.argv[2])
    run("ip link set lo up")
    if scenario == "partition":
        print(json.dumps([asdict(phase) for phase in asyncio.run(partition(seconds))]))
    else:
        print(json.dumps(asyncio.run(narrow(seconds))))


if __name__ == "__main__":
    main()
