"""The module that the README shows is one that works."""

import re
import subprocess
import sys
from pathlib import Path

import uproot

ROOT = Path(__file__).resolve().parents[2]
BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
MODULE = next(block for block in BLOCKS if block.startswith("# energy.py"))
JOB = f"""
import eventproc.config as cms

process = cms.Process("DOC")
process.load("top_tagging_cff")
process.source = cms.Source("PoolSource", fileNames=cms.untracked.vstring("{ROOT / "data" / "top_qcd.root"}"))
process.maxEvents.input = 5
process.sum = cms.EDProducer("energy:EcalEnergyProducer")
process.out = cms.OutputModule("PoolOutputModule", fileName=cms.untracked.string("out.root"))
process.p = cms.Path(process.ecalCrystals + process.sum)
process.e = cms.EndPath(process.out)
"""


def test_the_module_adds_up_the_energy_of_each_event(tmp_path):
    (tmp_path / "energy.py").write_text(MODULE)
    (tmp_path / "job_cfg.py").write_text(JOB)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "eventproc", "run", "job_cfg.py"],  # -P: as the command eventproc
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": f".:{ROOT / 'python_configs'}"},
    )
    assert done.returncode == 0, done.stderr
    events = uproot.open(tmp_path / "out.root")["Events"].arrays(["sum_energy", "ecalCrystals_energy"])
    for total, crystals in zip(events["sum_energy"], events["ecalCrystals_energy"], strict=True):
        assert abs(total - sum(crystals)) < 1e-3 * total
