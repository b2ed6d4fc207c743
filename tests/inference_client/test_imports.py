"""The client is used from notebooks: it comes without the framework, the physics and the server."""

import subprocess
import sys

FOREIGN = (
    "eventproc",
    "producers",
    "accelerator_server",
    "awkward",
    "uproot",
    "numba",
    "openvino",
    "onnxruntime",
)


def test_importing_the_client_brings_nothing_foreign():
    program = (
        "import sys, inference_client.blocking, inference_client.local_server; "
        f"print([name for name in {FOREIGN} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr
