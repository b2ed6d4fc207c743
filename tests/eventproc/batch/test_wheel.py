import subprocess
import sys
import zipfile
from importlib.metadata import distribution

import pytest

from eventproc.batch.wheel import pack_wheel, plugin_distributions
from eventproc.errors import ConfigurationError


def test_our_own_package_offers_plugins():
    assert "eventproc" in [found.name for found in plugin_distributions()]


def test_the_wheel_holds_all_packages_with_their_data_and_entry_points(tmp_path):
    path = pack_wheel(distribution("eventproc"), tmp_path)
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        assert archive.testzip() is None
    for name in (
        "eventproc/batch/worker.py",
        "inference_client/client.py",
        "producers/algorithms/eb_geometry.json",
        "eventproc-0.1.0.dist-info/entry_points.txt",
        "eventproc-0.1.0.dist-info/RECORD",
    ):
        assert name in names
    assert not [name for name in names if "__pycache__" in name or name.startswith("tests")]


def test_the_same_code_gives_the_same_bytes(tmp_path):
    (tmp_path / "again").mkdir()
    first, second = (pack_wheel(distribution("eventproc"), f) for f in (tmp_path, tmp_path / "again"))
    assert first.read_bytes() == second.read_bytes()


def test_an_unpacked_wheel_wins_over_what_is_installed_and_knows_its_plugins(tmp_path):
    path = pack_wheel(distribution("eventproc"), tmp_path)
    software = tmp_path / "software"
    with zipfile.ZipFile(path) as archive:
        archive.extractall(software)
    code = "import eventproc.plugins as p; print(p.__file__, p.plugin_names())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path, env={"PYTHONPATH": str(software)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.startswith(str(software))
    assert "PoolSource" in done.stdout


@pytest.mark.soak
def test_pip_takes_the_wheel_for_one(tmp_path):
    path = pack_wheel(distribution("eventproc"), tmp_path)
    words = [
        "-m",
        "pip",
        "install",
        "--no-deps",
        "--no-index",
        "--target",
        str(tmp_path / "there"),
        str(path),
    ]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "there" / "eventproc" / "batch" / "worker.py").exists()


def test_compiled_packages_are_refused(tmp_path):
    with pytest.raises(ConfigurationError, match=r"compiled code|does not say what it holds"):
        pack_wheel(distribution("psutil"), tmp_path)
