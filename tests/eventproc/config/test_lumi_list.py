import pytest

from eventproc.config.loader import load_process
from eventproc.config.lumi_list import LumiList
from eventproc.errors import ConfigurationError

JOB = """
import FWCore.ParameterSet.Config as cms
import FWCore.PythonUtilities.LumiList as LumiList
process = cms.Process("TEST")
process.source = cms.Source("PoolSource", fileNames=cms.untracked.vstring("a.root"))
process.source.lumisToProcess = LumiList.LumiList(filename="golden.json").getVLuminosityBlockRange()
"""


def test_a_job_file_takes_its_luminosity_blocks_from_a_golden_json_as_in_cmssw(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "golden.json").write_text('{"7": [[1, 3], [5, 5]], "8": [[2, 2]]}')
    (tmp_path / "job_cfg.py").write_text(JOB)
    lumis = load_process(tmp_path / "job_cfg.py", []).source.lumisToProcess
    assert [str(each) for each in lumis] == ["7:1-7:3", "7:5-7:5", "8:2-8:2"]
    assert not lumis.isTracked()


def test_the_runs_may_be_given_themselves():
    found = LumiList(compactList={7: [[1, 3]], "8": [[2, 2], [3, 4]]})
    assert found.getCompactList() == {"7": [[1, 3]], "8": [[2, 4]]}
    assert len(found) == 6
    assert found.getVLuminosityBlockRange(True).isTracked()


@pytest.mark.parametrize("text", [None, "x", '{"a": 1}'])
def test_what_is_no_golden_json_is_refused(tmp_path, text):
    path = tmp_path / "golden.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigurationError, match=r"cannot be read|a lumi mask looks like"):
        LumiList(filename=str(path))
