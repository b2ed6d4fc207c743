"""The tritonserver binary of the nvidia-pytriton wheel as a process, where somebody has installed it.

    /usr/bin/python3.11 -m venv DIR && DIR/bin/pip install nvidia-pytriton==0.7.0 onnxruntime numpy
    EVENTPROC_TRITON=DIR ...

Its stub for models in Python fails with Python 3.11.6 and later (pytriton issue 51); Debian 12 has 3.11.2.
The wheel brings no backend for ONNX, so models are a few lines of Python around a session.
"""

import json
import os
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

TRITON = "EVENTPROC_TRITON"
"""Environment variable that names the virtual environment."""

LAST_PYTHON = (3, 11, 5)
START_S = 300.0
STOP_S = 20.0

FACTS = (
    "import json, sys, importlib.metadata as m; "
    "print(json.dumps([sys.version_info[:3], sys.base_prefix, m.version('onnxruntime'), "
    "m.version('nvidia-pytriton')]))"
)


@dataclass(frozen=True)
class RunningTriton:
    """A server that is ready."""

    address: str
    pid: int


class TritonUnusable(Exception):
    """There is no tritonserver that runs; the message says what would bring one."""


@dataclass(frozen=True)
class Installation:
    """A virtual environment with the wheel in it.

    Attributes:
        packages: its site-packages.
        python_home: of the interpreter that the environment was made with.
        onnxruntime: version of it in there.
        pytriton: version of the wheel.
    """

    packages: Path
    python_home: str
    onnxruntime: str
    pytriton: str

    @property
    def binaries(self) -> Path:
        """The server's own folder in the wheel."""
        return self.packages / "pytriton" / "tritonserver"


def find_installation(environment: Mapping[str, str]) -> Installation:
    """Looks where the environment says.

    Raises:
        TritonUnusable: nothing is said, or what is there cannot work.
    """
    folder = environment.get(TRITON, "")
    how = f"set {TRITON} to a virtual environment of Python 3.11.5 or older with nvidia-pytriton==0.7.0 in it"
    if not folder:
        raise TritonUnusable(f"no tritonserver is named here: {how} and onnxruntime")
    python = Path(folder) / "bin" / "python"
    if not python.exists():
        raise TritonUnusable(f"{folder} is no virtual environment: {how} and onnxruntime")
    said = subprocess.run([python, "-c", FACTS], capture_output=True, text=True, timeout=60, check=False)
    if said.returncode:
        raise TritonUnusable(f"{folder} lacks a package ({said.stderr.strip().splitlines()[-1]}): {how}")
    version, home, onnxruntime, pytriton = json.loads(said.stdout)
    if tuple(version[:2]) != LAST_PYTHON[:2] or tuple(version) > LAST_PYTHON:
        raise TritonUnusable(
            f"{folder} has Python {'.'.join(map(str, version))}, which Triton's stub refuses: {how}"
        )
    packages = Path(folder) / "lib" / "python3.11" / "site-packages"
    return Installation(packages, home, onnxruntime, pytriton)


def write_model(
    installation: Installation, repository: Path, name: str, code: str, configuration: str
) -> Path:
    """Writes a model in Python; gives the folder of its version, where more files may go."""
    folder = repository / name / "1"
    folder.mkdir(parents=True)
    # The stub's interpreter leaves PYTHONPATH aside.
    (folder / "model.py").write_text(
        f"import sys\nsys.path.insert(0, {str(installation.packages)!r})\n{code}"
    )
    (folder.parent / "config.pbtxt").write_text(f'name: "{name}"\nbackend: "python"\n{configuration}')
    return folder


@contextmanager
def triton_server(installation: Installation, repository: Path) -> Iterator[RunningTriton]:
    """Starts the server with all models of a folder, yields it when it is ready, and stops it.

    Raises:
        TritonUnusable: it ended or was not ready in time; the message holds the end of what it said.
    """
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("w+b") as log:
        port = _free_port()
        process = subprocess.Popen(
            [
                installation.binaries / "bin" / "tritonserver",
                f"--model-repository={repository}",
                f"--backend-directory={_with_stub(installation, Path(folder))}",
                "--http-address=127.0.0.1",
                f"--http-port={port}",
                "--allow-grpc=false",
                "--allow-metrics=false",
                "--exit-timeout-secs=5",
            ],
            env=_environment(installation),
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # its stubs are children of its own; they go with the group
        )
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_until_ready(process, address, Path(folder) / "log")
            yield RunningTriton(address, process.pid)
        finally:
            _stop(process)


def _with_stub(installation: Installation, folder: Path) -> Path:
    """The folder of backends, with the stub of Python 3.11 in the place where the server looks for it."""
    backend = folder / "backends" / "python"
    backend.mkdir(parents=True)
    stubs = installation.binaries / "python_backend_stubs" / "3.11"
    for source in (installation.binaries / "backends" / "python", stubs):
        for path in source.iterdir():
            (backend / path.name).symlink_to(path)
    return backend.parent


def _environment(installation: Installation) -> dict[str, str]:
    libraries = installation.packages / "nvidia_pytriton.libs"
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHONHOME": installation.python_home,
        "LD_LIBRARY_PATH": f"{libraries}:{installation.binaries / 'lib'}",
    }


def _wait_until_ready(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    give_up_s = time.monotonic() + START_S
    while time.monotonic() < give_up_s and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/v2/health/ready", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    how = "was not ready in time" if process.poll() is None else f"ended with {process.returncode}"
    words = log.read_text(errors="replace")[-30000:]
    raise TritonUnusable(f"tritonserver {how}: {words}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]
