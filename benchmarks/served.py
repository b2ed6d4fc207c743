"""Servers, models and requests that the server's benchmarks share."""

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from inference_client.protocol import codec
from inference_client.protocol.arrays import Array, dense_tensor, sparse_tensor
from inference_client.protocol.binary_tensors import encode_standard_request
from inference_client.protocol.messages import InferenceRequest, Tensor

PIXELS = 224
LIT_PIXELS = 500
"""Of a jet image: the data sample has 300 to 1000."""

NULL_MODEL = f"""
backend = "{{backend}}"
max_rows = 32
[[inputs]]
name = "images"
datatype = "FP32"
shape = [-1, 1, {PIXELS}, {PIXELS}]
[[outputs]]
name = "scores"
datatype = "FP32"
shape = [-1, 2]
"""

BARE = """
import sys
from aiohttp import web
try:
    from uvloop import new_event_loop
except ImportError:
    from asyncio import new_event_loop

reply = bytes.fromhex(sys.argv[1])

async def infer(request):
    await request.read()
    return web.Response(body=reply, content_type="application/msgpack")

app = web.Application(client_max_size=2**28)
app.router.add_post("/v2/models/null/infer", infer)
web.run_app(app, host="127.0.0.1", port=int(sys.argv[2]), print=lambda text: print(text, flush=True),
            loop=new_event_loop(), access_log=None)
"""


def write_null_model(repository: Path, backend: str = "echo", tables: str = "") -> None:
    """Writes model `null`: it looks at no pixel but two."""
    folder = repository / "null" / "1"
    folder.mkdir(parents=True)
    (folder / "model.toml").write_text(NULL_MODEL.format(backend=backend) + tables)


@contextmanager
def bare_server(reply: bytes, port: int) -> Iterator[tuple[str, int]]:
    """The least that aiohttp can do: reads the body, answers fixed bytes; yields its address and process."""
    command = [sys.executable, "-c", BARE, reply.hex(), str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline()
            if "Running" not in line:
                raise SystemExit(f"the bare server did not start: {line}")
            yield f"http://127.0.0.1:{port}", process.pid
        finally:
            process.kill()


def images(n: int) -> tuple[Array, Array]:
    """Positions and values of the lit pixels: uint16 and float16, (n, LIT_PIXELS)."""
    generator = np.random.default_rng(1)
    index = np.stack([generator.choice(PIXELS**2, LIT_PIXELS, replace=False) for _ in range(n)])
    return index.astype(np.uint16), generator.random((n, LIT_PIXELS)).astype(np.float16)


def sparse_request(n: int = 1) -> bytes:
    """Jet images as the producer sends them."""
    index, value = images(n)
    counts = np.full(n, LIT_PIXELS, np.uint32)
    shape = (1, PIXELS, PIXELS)
    return _request(sparse_tensor("images", shape, counts, index.reshape(-1), value.reshape(-1)))


def dense_request(n: int = 1) -> bytes:
    """The same images as float32 for each pixel."""
    index, value = images(n)
    pixels = np.zeros((n, PIXELS**2), np.float32)
    np.put_along_axis(pixels, index.astype(np.int64), value.astype(np.float32), axis=1)
    return _request(dense_tensor("images", pixels.reshape(n, 1, PIXELS, PIXELS)))


def binary_request(n: int = 1) -> tuple[bytes, int]:
    """The dense images as Triton takes them: the body, and the length of its JSON part."""
    request = codec.decode_request(dense_request(n))
    return encode_standard_request(request, timeout_us=3_600_000_000)


def write_onnx_model(
    repository: Path, name: str, model: bytes, backend: str = "onnxruntime", keys: str = ""
) -> None:
    """Writes a network of images to scores, for one of the engines."""
    folder = repository / name / "1"
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(model)
    digest = hashlib.sha256(model).hexdigest()
    named = f'file = "model.onnx"\nsha256 = "{digest}"\n{keys}\n'
    (folder / "model.toml").write_text(named + NULL_MODEL.format(backend=backend))


def _request(tensor: Tensor) -> bytes:
    return codec.encode_request(InferenceRequest(id="benchmark", inputs=[tensor]))
