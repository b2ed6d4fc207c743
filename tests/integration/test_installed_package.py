"""A module, a layout and a command of a package installed beside the framework work by their names."""

import base64
import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import uproot

from tests.integration.conftest import run_command

PACKAGE = '''
"""A package that knows the framework, which does not know it."""
import uproot
from dataclasses import dataclass
from typing import Any

import numpy as np

from eventproc.io.reading.layout import Layout, LayoutFile
from eventproc.io.root.root_file import NotInFile
from eventproc.io.root.column import Column
from eventproc.model.branch import BranchDescription
from eventproc.model.event_id import EventID
from eventproc.model.product import Product, column
from eventproc.modules import EDProducer, ParameterDescription


@dataclass(frozen=True, slots=True)
class Height(Product):
    value: Any = column(np.float32, axis=None, unit="m", doc="how high the balloon was")


class Balloon(Layout):
    """One entry for each reading of an altimeter."""

    def __init__(self, params):
        pass

    def open(self, file):
        if "Flight" not in file.tree_names():
            raise NotInFile("no tree 'Flight'")
        return BalloonFile(file.tree("Flight"))


class BalloonFile(LayoutFile):
    def __init__(self, tree):
        self.tree = tree
        self.n_entries = tree.n_entries
        self.branches = (BranchDescription("Height", "height", "", "FLIGHT", Height.schema()),)

    def event_ids(self, start, stop):
        return [EventID(1, 1, 1 + entry) for entry in range(start, stop)]

    def read(self, branch, columns, start, stop):
        return [self.tree.read("metres", start, stop) for _ in columns]

    def cluster_limits(self, branches):
        return [0, self.n_entries]

    def entry_bytes(self, branches):
        return 4.0


class PressureProducer(EDProducer):
    """The barometric formula of an isothermal atmosphere."""

    class Params(ParameterDescription):
        scaleHeight: float = 8434.0

    def __init__(self, params, declare):
        self.height = declare.consumes(Height, "height")
        self.pressure = declare.produces(Height)
        self.scale = params.scaleHeight

    def produce(self, event):
        height = event.get(self.height).value
        event.put(self.pressure, Height((101325 * np.exp(-height / self.scale)).astype(np.float32)))


def top(file: str) -> None:
    """Show the greatest height in a file."""
    with uproot.open(file) as opened:
        print(f"{opened['Flight']['metres'].array().to_numpy().max():.0f} m")
'''

ENTRY_POINTS = """\
[eventproc.plugins]
PressureProducer = balloons:PressureProducer
[eventproc.layouts]
balloon = balloons:Balloon
[eventproc.commands]
top = balloons:top
"""

JOB = """
import eventproc.config as cms
process = cms.Process("PRESSURE")
process.source = cms.Source("PoolSource", fileNames=["flight.root"])
process.pressure = cms.EDProducer("PressureProducer", scaleHeight=8000.0)
process.p = cms.Path(process.pressure)
process.out = cms.OutputModule("PoolOutputModule", fileName="out.root")
process.e = cms.EndPath(process.out)
"""

METRES = np.array([0.0, 8000.0, 30000.0], np.float32)


def write_wheel(folder: Path) -> Path:
    """The package as a wheel (PEP 427), made without build tools, which a test may not download."""
    info = "balloons-1.0.dist-info"
    files = {
        "balloons.py": PACKAGE,
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: balloons\nVersion: 1.0\nRequires-Dist: eventproc\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": ENTRY_POINTS,
    }
    digests = {
        name: base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        for name, text in files.items()
    }
    record = [f"{name},sha256={digests[name]},{len(text.encode())}" for name, text in files.items()]
    wheel = folder / "balloons-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
        archive.writestr(f"{info}/RECORD", "\n".join([*record, f"{info}/RECORD,,"]) + "\n")
    return wheel


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The folder that pip installed the package into."""
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index",
         "--no-deps", "--target", str(folder / "site"), str(write_wheel(folder))],
        check=True, timeout=100,
    )  # fmt: skip
    return folder / "site"


@pytest.fixture
def flight(tmp_path):
    with uproot.recreate(tmp_path / "flight.root") as file:
        file.mktree("Flight", {"metres": np.float32}).extend({"metres": METRES})


def test_its_module_and_its_layout_run_in_a_job(site, flight, tmp_path):
    (tmp_path / "job_cfg.py").write_text(JOB)
    done = run_command(tmp_path, "run", "job_cfg.py", PYTHONPATH=str(site))
    assert done.code == 0, done.err
    with uproot.open(tmp_path / "out.root") as file:
        events = file["Events"].arrays(["height_value", "pressure_value"], library="np")
    assert events["height_value"].tolist() == METRES.tolist()
    np.testing.assert_allclose(events["pressure_value"], 101325 * np.exp(-METRES / 8000), rtol=1e-6)


def test_its_command_stands_beside_those_of_the_framework(site, flight, tmp_path):
    done = run_command(tmp_path, "top", "flight.root", PYTHONPATH=str(site))
    assert (done.code, done.out.strip()) == (0, "30000 m"), done.err
    assert "Show the greatest height in a file." in run_command(tmp_path, "--help", PYTHONPATH=str(site)).out


def test_a_misspelt_name_of_its_module_offers_the_right_one(site, flight, tmp_path):
    (tmp_path / "job_cfg.py").write_text(JOB.replace("PressureProducer", "PresureProducer"))
    done = run_command(tmp_path, "run", "job_cfg.py", PYTHONPATH=str(site))
    assert done.code == 8009 & 0xFF
    assert "did you mean 'PressureProducer'" in done.err
