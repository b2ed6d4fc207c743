"""Trials: what goes wrong when a model is loaded goes wrong in a process of its own."""

import psutil
import pytest

from accelerator_server.config import parse_override
from accelerator_server.errors import BackendUnavailableError, ConfigurationError, ModelRefusedError
from accelerator_server.models.repository import find_versions
from accelerator_server.models.trial import try_model
from inference_client.protocol.routes import infer_path
from tests.accelerator_server.answers import infer, refused
from tests.accelerator_server.model_files import affine_model, write_model
from tests.accelerator_server.running import posting, request_of, running

ABORT = "import os; os.abort()"
HANG = "import signal; signal.pause()"


async def tried(repository, *overrides: str, timeout_s: float = 60) -> None:
    (folder,) = find_versions(repository, "m")
    await try_model(folder, [parse_override(text) for text in overrides], timeout_s)


@pytest.fixture
def engine(tmp_path, monkeypatch):
    """Takes the place of openvino in the trial's process and does what the test says."""

    def install(code: str) -> None:
        path = tmp_path / "engine"
        path.mkdir()
        (path / "openvino.py").write_text(code)
        monkeypatch.setenv("PYTHONPATH", str(path))

    return install


@pytest.fixture
def repository(tmp_path):
    write_model(tmp_path / "models", backend="openvino", model=affine_model())
    return tmp_path / "models"


async def test_a_good_model_passes(repository):
    await tried(repository)


@pytest.mark.parametrize(
    ("override", "error", "told"),
    [
        ("m.sha256=00", ModelRefusedError, "has sha256"),
        ("m.max_row=1", ConfigurationError, "unknown field `max_row`"),
        ("m.backend_parameters.device=NPU", BackendUnavailableError, "it has"),
    ],
)
async def test_what_the_process_says_is_the_error(repository, override, error, told):
    with pytest.raises(error, match=told):
        await tried(repository, override)


async def test_a_model_that_crashes_its_engine_is_refused(repository, engine):
    engine(ABORT)
    with pytest.raises(ModelRefusedError, match="SIGABRT"):
        await tried(repository)


async def test_what_a_server_runs_in_its_threads_is_tried_first(repository, engine):
    engine(ABORT)  # in another process; in this one it would be served
    write_model(repository, "n")
    row = request_of([[1, 2, 3, 4]])
    async with running(repository, isolation="thread", trial_timeout_s=60) as session:
        assert (await refused(session, **posting(row)))[:2] == (503, "model_not_ready")
        await infer(session, row, infer_path("n"))


async def test_a_model_that_never_loads_is_refused_in_time(repository, engine):
    engine(HANG)
    others = set(psutil.Process().children())
    with pytest.raises(ModelRefusedError, match=r"within 0\.5 s"):
        await tried(repository, timeout_s=0.5)
    assert set(psutil.Process().children()) == others  # nor is there a zombie


async def test_an_engine_that_writes_a_lot_cannot_block_the_trial(repository, engine):
    engine("import sys; print('x' * 10**6); print('y' * 10**6, file=sys.stderr); sys.exit(77)")
    with pytest.raises(ModelRefusedError, match="exit code 77"):
        await tried(repository)
