"""Each job file of python_configs does what its first line says."""

import json

import awkward as ak
import numpy as np
import pytest
import uproot

from inference_client.local_server import LocalServer
from producers.algorithms.tagging_metrics import measure_tagging
from tests.integration.conftest import CONFIGS, ROOT, SAMPLE


@pytest.fixture(scope="module")
def server():
    with LocalServer(str(ROOT / "data" / "models")) as running:
        yield running


def entries(path):
    with uproot.open(path) as file:
        return file["Events"].num_entries


def test_every_job_file_has_a_test():
    tested = {"analysis", "fallback", "make_sample", "remote", "shape_tagging", "top_tagging", "validation"}
    assert {path.name.removesuffix("_cfg.py") for path in CONFIGS.glob("*_cfg.py")} == tested


def test_remote_asks_the_servers_it_is_given_and_keeps_the_hits(command, server, tmp_path):
    done = command(
        "run", CONFIGS / "remote_cfg.py", f"servers={server.address}", f"inputFiles={SAMPLE}", "maxEvents=20"
    )
    assert done.code == 0, done.err
    assert server.address in done.out
    with uproot.open(tmp_path / "top_tagging.root") as file:
        assert {"topTags_score", "ecalRecHits_energy"} <= set(file["Events"].keys())


def test_remote_without_servers_does_not_start(command):
    done = command("run", CONFIGS / "remote_cfg.py", f"inputFiles={SAMPLE}", "maxEvents=20")
    assert done.code == 8009 & 0xFF
    assert "servers" in done.err


def test_fallback_serves_itself_when_no_server_answers(command, tmp_path):
    done = command("run", CONFIGS / "fallback_cfg.py", "servers=http://127.0.0.1:9", "maxEvents=20")
    assert done.code == 0, done.err
    assert "fallback used" in done.out
    figures = done.report["services"]["InferenceService"]["toptag_small"]
    assert figures["fallbackCalls"] > 0
    assert figures["fallbackAgreement"] is None  # no server had ever answered
    with uproot.open(tmp_path / "top_tagging.root") as file:
        assert not file["Events"]["topTags_status"].array(library="np")[0].any()


def test_what_the_fallback_answered_in_several_processes_is_counted_as_such(command):
    config = CONFIGS / "fallback_cfg.py"
    done = command("run", config, "servers=http://127.0.0.1:9", "maxEvents=60", "-n", "2")
    assert done.code == 0, done.err
    assert len(done.report["processes"]) == 2
    assert "fallback used" in done.out
    figures = done.report["services"]["InferenceService"]["toptag_small"]
    assert figures["fallbackCalls"] == sum(asked["requests"] for asked in figures["asked"]) > 0


def test_fallback_is_not_used_while_a_server_answers(command, server):
    done = command("run", CONFIGS / "fallback_cfg.py", f"servers={server.address}", "maxEvents=20")
    assert done.code == 0, done.err
    assert "fallback used" not in done.out


def test_shape_tagging_asks_two_models_of_one_server(command, server, tmp_path):
    done = command("run", CONFIGS / "shape_tagging_cfg.py", f"servers={server.address}")
    assert done.code == 0, done.err
    with uproot.open(tmp_path / "shape_tagging.root") as file:
        names = ("topTags_score", "shapeTags_score", "shapeTags_status", "jetTruth_label")
        top, shape, status, label = (ak.flatten(file["Events"][name].array()).to_numpy() for name in names)
        dictionaries = json.loads(str(file["eventproc"]))["dictionaries"]
    assert dictionaries["shapeTags_inference_model"] == ["toptag_shape"]
    assert dictionaries["topTags_inference_model"] == ["toptag_small"]
    assert len(shape) > 400
    assert not status.any()
    assert measure_tagging(shape, label).auc.value >= 0.85
    assert np.corrcoef(top, shape)[0, 1] > 0.5
    picture = command("plot", "shape_tagging.root", "--label", "shapeTags")
    assert picture.code == 0, picture.err


def test_analysis_fills_histograms_from_tagged_jets(command, server, tmp_path):
    command("run", CONFIGS / "top_tagging_cfg.py", f"servers={server.address}", "maxEvents=40")
    done = command("run", CONFIGS / "analysis_cfg.py")
    assert done.code == 0, done.err
    with uproot.open(tmp_path / "top_tagging.root") as file:
        labels = file["Events"]["jetTruth_label"].array(library="np")
    tops = sum(int((label == 1).sum()) for label in labels)
    with uproot.open(tmp_path / "histograms.root") as file:
        assert file["score_top"].to_hist().sum(flow=True) == tops > 0


@pytest.mark.requires("cms_events")
def test_validation_finds_the_experiments_jets_in_the_crystals(command, cms_events, tmp_path):
    words = (f"inputFiles={cms_events / 'cms2012_ebhits.root'}", "referenceEtMin=80")
    done = command("run", CONFIGS / "validation_cfg.py", *words)
    assert done.code == 0, done.err
    with uproot.open(tmp_path / "jet_response.root") as file:
        matched, unmatched = (file[name].to_hist().sum(flow=True) for name in ("et_matched", "et_unmatched"))
    # Measured: 54 of 57 jets above 80 GeV match within delta R of 0.3.
    assert matched / (matched + unmatched) > 0.85


@pytest.mark.requires("samples")
def test_make_sample_writes_the_same_events_for_the_same_seed(command, tmp_path):
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        words = (f"outputFile={name}.root", "maxEvents=4", f"seed={seed}")
        done = command("run", CONFIGS / "make_sample_cfg.py", *words)
        assert done.code == 0, done.err
    energies = {}
    for name in "abc":
        with uproot.open(tmp_path / f"{name}.root") as file:
            assert {"ecalRecHits_rawId", "genPartons_pdgId"} <= set(file["Events"].keys())
            energies[name] = [e.tolist() for e in file["Events"]["ecalRecHits_energy"].array(library="np")]
    assert energies["a"] == energies["b"] != energies["c"]
