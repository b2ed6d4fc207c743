"""The protocol can be used where only numpy and msgspec are installed."""

import subprocess
import sys

PROGRAM = """
import sys
allowed = set(sys.stdlib_module_names) | {"numpy", "msgspec", "inference_client"}
class Guard:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in allowed:
            raise ImportError(f"{name} is not allowed here")
sys.meta_path.insert(0, Guard())
import inference_client.protocol.codec, inference_client.protocol.rows
import inference_client.protocol.routes, inference_client.protocol.headers
import inference_client.protocol.specification
others = {name.split(".")[1] for name in sys.modules if name.startswith("inference_client.")}
assert others == {"protocol"}, others
"""


def test_the_protocol_imports_numpy_and_msgspec_only():
    subprocess.run([sys.executable, "-c", PROGRAM], check=True, timeout=60)
