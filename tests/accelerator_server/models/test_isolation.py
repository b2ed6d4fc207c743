"""The server runs where the physics libraries cannot be imported; of the house it knows the protocol only."""

import subprocess
import sys

from tests.accelerator_server.model_files import affine_model, write_model

PROGRAM = """
import sys
blocked = {"uproot", "awkward", "numba", "fastjet", "eventproc", "producers", "matplotlib", "hist"}

class Guard:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in blocked:
            raise ImportError(f"{name} is blocked")

sys.meta_path.insert(0, Guard())
from accelerator_server.cli import main
try:
    main()
finally:
    client = {name for name in sys.modules if name.startswith("inference_client.")}
    assert {name.split(".")[1] for name in client} == {"protocol"}, client
"""


def test_a_model_is_served_where_the_physics_libraries_cannot_be_imported(tmp_path):
    write_model(tmp_path, backend="openvino", model=affine_model())
    command = [sys.executable, "-c", PROGRAM, "serve", str(tmp_path), "--exit-with-parent"]
    result = subprocess.run(command, input="", capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr
