"""What a user gets wrong: each has a clear message, the right code, and leaves no output."""

import socket

import numpy as np
import pytest
import uproot

from tests.flat_files import jet_hits, write_empty_flat, write_flat
from tests.integration.conftest import FLAGSHIP


def refused(done, code, *phrases):
    """The job failed with this code, said these phrases, and left no file under a final name."""
    assert done.code == code & 0xFF, done.err
    for phrase in phrases:
        assert phrase in done.err.replace("\n", " "), done.err
    assert "Traceback" not in done.err
    assert not [name for name in done.files() if name.endswith(".root") and not name.startswith("in")]
    assert done.report["exit_code"] == code
    assert f'ExitStatus="{code}"' in (done.folder / "FrameworkJobReport.xml").read_text()


def job_file(folder, text, name="job_cfg.py"):
    path = folder / name
    path.write_text(text)
    return path


JOB = """
import eventproc.config as cms
process = cms.Process("TEST")
process.source = cms.Source("EmptySource")
process.maxEvents.input = 3
{lines}
"""


# --- the job file ---


def test_a_missing_job_file(command, tmp_path):
    (tmp_path / "top_tagging_cfg.py").write_text("")
    refused(command("run", "top_taging_cfg.py"), 7001, "top_taging_cfg.py", "top_tagging_cfg.py")


def test_a_job_file_that_is_not_python(command, tmp_path):
    done = command("run", job_file(tmp_path, "process = cms.Process(\n"))
    refused(done, 7002, "job_cfg.py", "line 1")


def test_a_job_file_that_raises(command, tmp_path):
    done = command("run", job_file(tmp_path, "def f():\n    return 1 / 0\nf()\n"))
    refused(done, 7002, "ZeroDivisionError", "line 2")


def test_a_job_file_without_process(command, tmp_path):
    text = "import eventproc.config as cms\nproces = cms.Process('X')\n"
    refused(command("run", job_file(tmp_path, text)), 7002, "process", "'proces'")


def test_an_unknown_word_on_the_command_line(flagship):
    refused(flagship("inputFile=a.root"), 7000, "inputFile", "inputFiles")


def test_an_unknown_plugin_with_the_near_name(command, tmp_path):
    lines = "process.j = cms.EDProducer('EcalJetProducr')\nprocess.p = cms.Path(process.j)"
    done = command("run", job_file(tmp_path, JOB.format(lines=lines)))
    refused(done, 8009, "EcalJetProducr", "EcalJetProducer", "job_cfg.py:")


def test_a_misspelt_a_missing_and_a_wrong_parameter_are_told_together(command, tmp_path):
    lines = (
        "process.a = cms.EDProducer('EcalJetProducer', jetEtMn=3)\n"
        "process.b = cms.EDProducer('EcalJetProducer', jetEtMin='x')\n"
        "process.c = cms.OutputModule('PoolOutputModule')\n"
        "process.p = cms.Path(process.a + process.b)\n"
        "process.e = cms.EndPath(process.c)"
    )
    done = command("run", job_file(tmp_path, JOB.format(lines=lines)))
    refused(done, 8009, "'jetEtMn': did you mean 'jetEtMin'", "jetEtMin = 'x'", "fileName")


def test_a_product_nobody_makes(command, tmp_path):
    lines = (
        "process.j = cms.EDProducer('EcalJetProducer', crystals='crystals')\nprocess.p = cms.Path(process.j)"
    )
    done = command("run", job_file(tmp_path, JOB.format(lines=lines)))
    refused(done, 8009, "'j' consumes EcalCrystals 'crystals', which nobody makes")


# --- the input ---


def test_an_input_file_that_is_missing(flagship, tmp_path):
    write_flat(tmp_path / "input_1.root", [jet_hits()])
    refused(flagship("inputFiles=input_2.root"), 8020, "input_2.root", "input_1.root")


@pytest.mark.parametrize(
    ("content", "phrase"),
    [(b"", "empty"), (b"this is not a ROOT file, whatever its name says" * 20, "not a ROOT file")],
    ids=["empty", "not ROOT"],
)
def test_an_input_file_that_is_no_root_file(flagship, tmp_path, content, phrase):
    (tmp_path / "in.root").write_bytes(content)
    refused(flagship("inputFiles=in.root"), 8020, "in.root", phrase)


def test_an_input_file_that_is_truncated(flagship, tmp_path):
    whole = write_flat(tmp_path / "whole.root", [jet_hits()] * 50).read_bytes()
    (tmp_path / "in.root").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "whole.root").unlink()
    refused(flagship("inputFiles=in.root"), 8020, "in.root")


def test_an_input_file_without_the_tree(flagship, tmp_path):
    with uproot.recreate(tmp_path / "in.root") as file:
        file["Evts"] = {"x": np.arange(3)}
    refused(flagship("inputFiles=in.root"), 8020, "Events", "Evts")


def test_an_input_file_without_the_branch(flagship, tmp_path):
    write_flat(tmp_path / "in.root", [jet_hits()], without="EBHit_energy")
    refused(flagship("inputFiles=in.root"), 8006, "EBHit_energy", "in.root")


def test_zero_events_are_a_success_with_an_empty_valid_output(flagship, tmp_path):
    write_empty_flat(tmp_path / "in.root")
    done = flagship("inputFiles=in.root", "outputFile=out.root")
    assert done.code == 0, done.err
    with uproot.open(tmp_path / "out.root") as file:
        assert file["Events"].num_entries == 0
        assert {"run", "topTags_score", "ecalJets_pt"} <= set(file["Events"].keys())


def test_crystals_that_are_nan_or_out_of_range_are_dropped_and_counted(flagship, tmp_path):
    raw_id, energy = jet_hits()
    spoiled = (
        np.append(raw_id, [raw_id[0], 0, 0xFFFFFFFF, 0x34000001]).astype(np.uint32),
        np.append(energy, [np.nan, 1e6, 1e6, 1e6]).astype(np.float32),
    )
    write_flat(tmp_path / "in.root", [(raw_id, energy), spoiled])
    done = flagship("inputFiles=in.root", "outputFile=out.root")
    assert done.code == 0, done.err
    with uproot.open(tmp_path / "out.root") as file:
        events = file["Events"].arrays(["ecalJets_pt", "topTags_score"])
    assert events["ecalJets_pt"][0].tolist() == events["ecalJets_pt"][1].tolist()
    assert events["topTags_score"][0].tolist() == events["topTags_score"][1].tolist()
    assert "dropped 3 hits that name no barrel crystal and 1 whose energy is not a number" in done.err


# --- the output ---


def test_an_output_folder_that_does_not_exist(flagship):
    refused(flagship("outputFile=nowhere/out.root"), 8033, "nowhere")


def test_an_output_folder_that_is_not_writable(flagship, tmp_path):
    # A file where a folder should be refuses root too, which permission bits do not.
    (tmp_path / "folder").write_text("")
    refused(flagship("outputFile=folder/out.root"), 8033, "folder")


def test_an_output_that_exists_is_kept(flagship, tmp_path):
    old = tmp_path / "out.root"
    old.write_bytes(b"years of work")
    done = flagship("outputFile=out.root")
    assert done.code == 8009 & 0xFF
    assert "overwrite" in done.err
    assert old.read_bytes() == b"years of work"
    assert done.report["events_read"] == 0


# --- the server ---


def test_a_server_that_is_not_there(flagship):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{closed.getsockname()[1]}"
        refused(flagship(f"servers={address}", "maxEvents=3"), 8036, address)


def test_a_server_address_that_is_none(flagship):
    refused(flagship("servers=localhost", "maxEvents=3"), 8009, "localhost", "http://")


def test_a_server_that_answers_nonsense(flagship, nonsense_server):
    refused(flagship(f"servers={nonsense_server}", "maxEvents=3"), 8036, nonsense_server)


def test_a_model_that_the_server_does_not_have(flagship):
    refused(flagship("model=toptag_smal", "maxEvents=3"), 8009, "toptag_smal")


def test_help_lists_the_words_of_the_job_file(command):
    done = command("run", FLAGSHIP, "help")
    assert done.code == 0
    assert "jetEtMin" in done.out
