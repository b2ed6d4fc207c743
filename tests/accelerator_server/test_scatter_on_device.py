"""The shipped tagger behind a server that hands sparse and scaled images to the device as they are."""

import asyncio
import shutil
from pathlib import Path

import numpy as np
import pytest

from accelerator_server.backends.onnxruntime.backend import OnnxRuntimeBackend
from accelerator_server.workers import worker_lane
from inference_client.protocol.arrays import dense_tensor, scaled_tensor, sparse_tensor, to_array
from inference_client.protocol.messages import InferenceRequest, Tensor
from inference_client.protocol.routes import infer_path
from tests.accelerator_server.answers import infer
from tests.accelerator_server.running import running

MODELS = Path(__file__).resolve().parents[2] / "data" / "models"
NAME = "toptag_small"
INFER = infer_path(NAME)
PIXELS = 224
ROW_SHAPE = (1, PIXELS, PIXELS)
PADDED = (f"{NAME}.reproducible=true", f"{NAME}.max_rows=8")
"""At other batch sizes the engine may round differently; what is asked here is what reaches it."""


def overrides(*, on_device: bool, isolation: str) -> tuple[str, ...]:
    flag = str(on_device).lower()
    return (
        *PADDED,
        f"{NAME}.backend=onnxruntime",
        f"{NAME}.isolation={isolation}",
        f"{NAME}.backend_parameters={{scatter_on_device = {flag}}}",
    )


def images() -> list[Tensor]:
    """Sparse ones in any order, with repeated pixels, and with none; scaled ones; a dense one."""
    generator = np.random.default_rng(3)
    tensors = []
    for n_rows in (1, 3, 2):
        index = generator.integers(0, PIXELS**2, n_rows * 400)
        index[:100] = index[100:200]
        value = generator.random(len(index), np.float32)
        tensors.append(sparse_tensor("images", ROW_SHAPE, np.full(n_rows, 400), index, value))
    tensors.append(
        sparse_tensor("images", ROW_SHAPE, np.zeros(2), np.array([], int), np.array([], np.float32))
    )
    for scale in (0.01, 0.25):
        steps = generator.integers(0, 3, (2, *ROW_SHAPE)).astype(np.uint8)
        tensors.append(scaled_tensor("images", steps, scale))
    tensors.append(dense_tensor("images", generator.random((1, *ROW_SHAPE), np.float32)))
    return tensors


async def scores(repository: Path, *, on_device: bool, isolation: str = "thread") -> list[bytes]:
    """Of each tensor, alone and then all together."""
    async with running(repository, overrides(on_device=on_device, isolation=isolation)) as session:

        async def ask(tensor: Tensor) -> bytes:
            response = await infer(session, InferenceRequest(id="r", inputs=[tensor]), INFER)
            return to_array(response.outputs[0]).tobytes()

        found = [await ask(tensor) for tensor in images()]
        assert await asyncio.gather(*[ask(tensor) for tensor in images()]) == found
    return found


@pytest.fixture
def repository(tmp_path) -> Path:
    shutil.copytree(MODELS / NAME, tmp_path / NAME)
    return tmp_path


async def test_scores_have_the_bits_that_they_have_where_the_host_expands(repository, monkeypatch):
    compact = []
    run_compact = OnnxRuntimeBackend.run_compact

    def watched(self, inputs, n_rows):
        compact.append(type(inputs["images"]).__name__)
        return run_compact(self, inputs, n_rows)

    monkeypatch.setattr(OnnxRuntimeBackend, "run_compact", watched)
    expected = await scores(repository, on_device=False)
    assert not compact
    assert await scores(repository, on_device=True) == expected
    assert set(compact) == {"LitRows", "ScaledRows"}
    assert len(set(expected)) > len(expected) // 2  # they do tell the images apart


async def test_a_device_in_a_process_of_its_own_gets_them_through_shared_memory(repository, monkeypatch):
    sent = []
    write = worker_lane.write_compact

    def watched(areas, spec, compact):
        sent.append(type(compact["images"]).__name__)
        return write(areas, spec, compact)

    monkeypatch.setattr(worker_lane, "write_compact", watched)
    expected = await scores(repository, on_device=False, isolation="process")
    assert not sent
    assert await scores(repository, on_device=True, isolation="process") == expected
    assert set(sent) == {"LitRows", "ScaledRows"}
