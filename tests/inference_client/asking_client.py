"""A client in a process of its own that asks without end, for tests that kill it.

python -m tests.inference_client.asking_client ADDRESS MODEL
"""

import asyncio
import sys

import numpy as np

from inference_client.client import InferenceClient
from inference_client.configuration import ClientConfiguration
from inference_client.protocol.arrays import sparse_tensor
from inference_client.protocol.messages import InferenceRequest

N_CALLERS = 8


def request(n_rows: int, n_pixels: int = 400) -> InferenceRequest:
    """Images with the first pixels lit."""
    index = np.tile(np.arange(n_pixels, dtype=np.uint16), n_rows)
    value = np.linspace(0.0, 1.0, n_rows * n_pixels, dtype=np.float32)
    counts = np.full(n_rows, n_pixels, np.uint32)
    return InferenceRequest(id="", inputs=[sparse_tensor("images", (1, 224, 224), counts, index, value)])


async def main() -> None:
    address, model = sys.argv[1:]

    async def ask(client: InferenceClient, n_rows: int) -> None:
        while True:
            await client.infer(request(n_rows))

    async with InferenceClient(ClientConfiguration(model, servers=[address], max_rows=6)) as client:
        print("asking", flush=True)
        await asyncio.gather(*(ask(client, 1 + k % 4) for k in range(N_CALLERS)))


if __name__ == "__main__":
    asyncio.run(main())
