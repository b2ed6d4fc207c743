"""The flagship job on the sample and on real collision events, through the real command line."""

import json
import xml.etree.ElementTree as ET

import awkward as ak
import numpy as np
import pytest
import uproot

from producers.algorithms.tagging_metrics import measure_tagging
from tests.integration.conftest import FLAGSHIP, SAMPLE, run_command

# Another batch size changes the order of additions in the engine: f32 scores move in the last digits.
ROUNDING = 2e-6


def columns(path, *names):
    with uproot.open(path) as file:
        events = file["Events"]
        return events.arrays(list(names) or [b.name for b in events.branches if "_inference_" not in b.name])


def same_but_for_rounding(one, other):
    assert one.fields == other.fields
    assert len(one) == len(other)
    for name in one.fields:
        a, b = (np.asarray(ak.flatten(events[name], axis=None)) for events in (one, other))
        if name == "topTags_score":
            np.testing.assert_allclose(a, b, rtol=0, atol=ROUNDING)
        else:
            np.testing.assert_array_equal(a, b)


@pytest.fixture(scope="module")
def tagged(tmp_path_factory):
    """The sample, tagged with everything at its default."""
    folder = tmp_path_factory.mktemp("flagship")
    done = run_command(folder, "run", FLAGSHIP)
    assert done.code == 0, done.err
    return done


def test_the_sample_is_tagged_well(tagged):
    events = columns(tagged.folder / "top_tagging.root", "topTags_score", "topTags_status", "jetTruth_label")
    score, status, label = (np.asarray(ak.flatten(events[name])) for name in events.fields)
    assert len(score) > 400
    assert not status.any()
    assert measure_tagging(score, label).auc.value >= 0.80


def test_the_shipped_resnet50_tags_as_well_and_agrees_with_the_small_model(tagged, tmp_path):
    done = run_command(tmp_path, "run", FLAGSHIP, "model=toptag_resnet50", "maxEvents=200")
    assert done.code == 0, done.err
    events = columns(tmp_path / "top_tagging.root", "topTags_score", "jetTruth_label")
    score, label = (np.asarray(ak.flatten(events[name])) for name in events.fields)
    small = ak.flatten(columns(tagged.folder / "top_tagging.root", "topTags_score")["topTags_score"][:200])
    assert measure_tagging(score, label).auc.value >= 0.80
    assert np.corrcoef(score, np.asarray(small))[0, 1] > 0.85
    with uproot.open(tmp_path / "top_tagging.root") as file:
        dictionaries = json.loads(str(file["eventproc"]))["dictionaries"]
    assert "toptag_resnet50" in json.dumps(dictionaries)


def test_every_score_is_traceable(tagged):
    with uproot.open(tagged.folder / "top_tagging.root") as file:
        events = file["Events"].arrays(filter_name="*topTags*")
        dictionaries = json.loads(str(file["eventproc"]))["dictionaries"]
    asked = ak.num(events["topTags_inference_attempts"])
    assert ak.all((asked == 1) == (ak.num(events["topTags_score"]) > 0))
    assert ak.all(ak.flatten(events["topTags_inference_attempts"]) >= 1)
    assert ak.all(ak.flatten(events["topTags_inference_batchRows"]) >= 1)
    rows = ak.flatten(events["topTags_inference_requestRows"])
    assert ak.sum(rows) == ak.sum(ak.num(events["topTags_score"]))
    named = {name: dictionaries[f"topTags_inference_{name}"] for name in ("model", "server", "modelSha256")}
    assert named["model"] == ["toptag_small"]
    assert named["server"][0].startswith("http://127.0.0.1:")
    assert len(named["modelSha256"][0]) == 64


def test_the_screen_says_what_happened(tagged):
    for line in (
        "events read",
        "events written",
        "jets scored",
        "images per second",
        "batch sizes reached",
        "latency p50 / p95 / p99",
        "wrote: top_tagging.root",
        "job report: FrameworkJobReport.xml",
    ):
        assert line in tagged.out  # fmt: skip


def test_the_report_says_what_happened(tagged):
    report = tagged.report
    assert report["exit_code"] == 0
    assert report["events_read"] == report["events_written"] == 500
    (output,) = report["outputs"]
    assert output["events"] == 500
    assert output["complete"]
    xml = ET.parse(tagged.folder / "FrameworkJobReport.xml").getroot()
    assert xml.findtext("File/TotalEvents") == "500"
    assert xml.findtext("InputFile/EventsRead") == "500"
    assert xml.findtext("InputFile/PFN").endswith(SAMPLE.name)


def test_the_configuration_is_in_the_output(tagged):
    with uproot.open(tagged.folder / "top_tagging.root") as file:
        metadata = json.loads(str(file["eventproc"]))
    assert [process["name"] for process in metadata["processes"]] == ["SIM", "TOPTAG"]
    last = metadata["processes"][-1]
    assert last["id"] == tagged.report["configuration_id"]
    assert '"jetEtMin":200.0' in json.dumps(last, separators=(",", ":"))


def test_the_picture_is_drawn_and_the_figures_printed(tagged):
    done = run_command(tagged.folder, "plot", "top_tagging.root", "--output", "pictures/t.png")
    assert done.code == 0, done.err
    assert "AUC: 0." in done.out
    assert (tagged.folder / "pictures" / "t.png").read_bytes().startswith(b"\x89PNG")


def test_one_and_sixteen_streams_give_the_same_output(flagship, tagged, tmp_path):
    done = flagship("numberOfStreams=1", "maxEvents=100", "outputFile=one.root")
    assert done.code == 0, done.err
    one, many = columns(tmp_path / "one.root"), columns(tagged.folder / "top_tagging.root")[:100]
    same_but_for_rounding(one, many)


def test_a_process_does_not_read_what_a_process_of_its_name_wrote(flagship, tagged):
    done = flagship(f"inputFiles={tagged.folder / 'top_tagging.root'}", "outputFile=out.root")
    assert done.code == 8009 & 0xFF
    assert "made by a process named 'TOPTAG'; give this process another name" in done.err


# --- real collision events ---


@pytest.fixture(scope="module")
def collisions(tmp_path_factory, cms_events):
    """Tags a file of collision events and gives its columns."""
    folder = tmp_path_factory.mktemp("collisions")

    def tag(name, *words):
        out = f"{len(list(folder.iterdir()))}.root"
        words = (f"inputFiles={cms_events / name}", "jetEtMin=20", f"outputFile={out}", *words)
        done = run_command(folder, "run", FLAGSHIP, *words)
        assert done.code == 0, done.err
        return columns(folder / out)

    return tag


@pytest.fixture(scope="module")
def flat(collisions):
    return collisions("cms2012_ebhits.root")


@pytest.mark.requires("cms_events")
def test_all_collisions_come_out_and_their_jets_are_scored(flat):
    per_event = ak.num(flat["topTags_score"])
    assert len(flat) == 100
    assert 80 <= ak.sum(per_event) <= 90
    assert ak.sum(per_event > 0) >= 50
    assert ak.all(flat["topTags_status"] == 0)


@pytest.mark.requires("cms_events")
def test_the_edm_layout_gives_the_same_scores(collisions, flat):
    same_but_for_rounding(collisions("cms2012_ebhits_edm.root"), flat)


@pytest.mark.requires("cms_events")
def test_the_number_of_streams_does_not_change_the_scores_of_collisions(collisions, flat):
    same_but_for_rounding(collisions("cms2012_ebhits.root", "numberOfStreams=1"), flat)
