"""A reproducible model: the shipped tagger's scores have the same bits alone, in company, and under load."""

import asyncio
import shutil
from pathlib import Path

import numpy as np

from inference_client.protocol.arrays import dense_tensor, sparse_tensor, to_array
from inference_client.protocol.messages import InferenceRequest
from inference_client.protocol.routes import infer_path
from tests.accelerator_server.answers import infer
from tests.accelerator_server.running import running

MODELS = Path(__file__).resolve().parents[2] / "data" / "models"
INFER = infer_path("toptag_small")
OVERRIDES = ("toptag_small.reproducible=true", "toptag_small.max_rows=8")
N_IMAGES, N_PIXELS, PIXELS = 12, 300, 224


def lit_pixels() -> tuple[np.ndarray, np.ndarray]:
    """Positions and values of images: uint16 and float16, (N_IMAGES, N_PIXELS)."""
    generator = np.random.default_rng(4)
    index = np.stack([generator.choice(PIXELS**2, N_PIXELS, replace=False) for _ in range(N_IMAGES)])
    return index.astype(np.uint16), generator.random((N_IMAGES, N_PIXELS)).astype(np.float16)


def request_for(rows: slice, *, sparse: bool) -> InferenceRequest:
    index, value = (part[rows] for part in lit_pixels())
    if sparse:
        counts = np.full(len(index), N_PIXELS)
        tensor = sparse_tensor("images", (1, PIXELS, PIXELS), counts, index.reshape(-1), value.reshape(-1))
    else:
        pixels = np.zeros((len(index), PIXELS**2), np.float32)
        np.put_along_axis(pixels, index.astype(np.int64), value.astype(np.float32), axis=1)
        tensor = dense_tensor("images", pixels.reshape(-1, 1, PIXELS, PIXELS))
    return InferenceRequest(id="r", inputs=[tensor])


async def scores(session, start: int, n_rows: int, *, sparse: bool) -> np.ndarray:
    response = await infer(session, request_for(slice(start, start + n_rows), sparse=sparse), INFER)
    return to_array(response.outputs[0])


async def test_scores_have_the_same_bits_whatever_the_load_and_their_neighbours(tmp_path):
    shutil.copytree(MODELS / "toptag_small", tmp_path / "toptag_small")
    async with running(tmp_path, OVERRIDES) as session:
        async with session.get("/v2/models/toptag_small") as reply:
            assert (await reply.json())["parameters"]["reproducible"] is True
        alone = np.concatenate([await scores(session, k, 1, sparse=True) for k in range(N_IMAGES)])
        assert len(np.unique(alone[:, 0])) > N_IMAGES // 2  # they do tell the images apart

        async def client(number: int) -> int:
            generator = np.random.default_rng(number)
            for _ in range(4):
                n_rows = int(generator.integers(1, 5))
                start = int(generator.integers(0, N_IMAGES - n_rows + 1))
                found = await scores(session, start, n_rows, sparse=bool(generator.integers(2)))
                assert found.tobytes() == alone[start : start + n_rows].tobytes()
            return number

        assert await asyncio.gather(*[client(number) for number in range(6)]) == list(range(6))
        async with session.get("/v2/models/toptag_small/stats") as reply:
            (stats,) = (await reply.json())["model_stats"]
    assert len(stats["batch_stats"]) > 2  # batches of many sizes were run
