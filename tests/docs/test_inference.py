"""The module and the script that the page shows are ones that work."""

import re
import subprocess
import sys
from pathlib import Path

import awkward as ak
import uproot

from tests.accelerator_server.process import server_process

ROOT = Path(__file__).resolve().parents[2]
BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "inference.md").read_text(), re.DOTALL)
MODULE = next(block for block in BLOCKS if block.startswith("# weights.py"))
LINES = next(block for block in BLOCKS if block.startswith("# in the job file"))
SCRIPT = next(block for block in BLOCKS if block.startswith("# ask.py"))

MODEL = """
backend = "echo"
max_rows = 64
inputs = [{name = "x", datatype = "FP32", shape = [-1, 3]}]
outputs = [{name = "y", datatype = "FP32", shape = [-1, 1]}]
"""
IMAGE_MODEL = """
backend = "echo"
inputs = [{name = "images", datatype = "FP32", shape = [-1, 1, 224, 224]}]
outputs = [{name = "scores", datatype = "FP32", shape = [-1, 2]}]
"""
JOB = f"""
import eventproc.config as cms

process = cms.Process("DOC")
process.source = cms.Source("PoolSource", fileNames=cms.untracked.vstring("{ROOT / "data" / "top_qcd.root"}"))
process.maxEvents.input = 5
process.options.numberOfStreams = 2
process.ecalCrystals = cms.EDProducer("EcalCrystalProducer")
{LINES}
process.InferenceService = cms.Service("InferenceService", modelsFolder=cms.untracked.string("models"))
process.out = cms.OutputModule(
    "PoolOutputModule",
    fileName=cms.untracked.string("out.root"),
    outputCommands=cms.untracked.vstring("drop *", "keep *_ecalCrystals_*_*", "keep *_crystalWeights_*_*"),
)
process.p = cms.Path(process.ecalCrystals + process.crystalWeights)
process.e = cms.EndPath(process.out)
"""


def run(folder, **environment):
    return subprocess.run(
        [sys.executable, "-P", "-m", "eventproc", "run", "job_cfg.py"],  # -P: as the command eventproc
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        env={"PATH": "/usr/bin:/bin", **environment},
    )


def test_a_module_of_ones_own_asks_a_model_of_ones_own(tmp_path):
    (tmp_path / "models" / "weights" / "1").mkdir(parents=True)
    (tmp_path / "models" / "weights" / "1" / "model.toml").write_text(MODEL)
    (tmp_path / "weights.py").write_text(MODULE)
    (tmp_path / "job_cfg.py").write_text(JOB)
    lost = run(tmp_path)
    assert lost.returncode == 73
    assert (
        "'weights:CrystalWeigher': the module does not exist; is its folder missing in PYTHONPATH"
        in lost.stderr
    )
    done = run(tmp_path, PYTHONPATH=".")
    assert done.returncode == 0, done.stderr
    events = uproot.open(tmp_path / "out.root")["Events"].arrays()
    assert ak.sum(ak.num(events["crystalWeights_weight"])) > 100
    assert ak.all(events["crystalWeights_weight"] == events["ecalCrystals_energy"])


def test_the_script_asks_a_server(tmp_path, capsys):
    (tmp_path / "toptag_small" / "1").mkdir(parents=True)
    (tmp_path / "toptag_small" / "1" / "model.toml").write_text(IMAGE_MODEL)
    with server_process(tmp_path) as (_, address):
        exec(SCRIPT.replace("http://localhost:8000", address), {})
    scores, record = capsys.readouterr().out.split("CallRecord")
    assert scores.split() == ["[[0.", "0.]", "[0.", "0.]]"]
    assert f"server='{address}'" in record
