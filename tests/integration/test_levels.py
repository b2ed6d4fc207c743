"""Products of runs and luminosity blocks, from job to job and through the tools."""

import json
import subprocess
import sys

import pytest
import uproot

from eventproc.errors import MismatchedInputFiles
from eventproc.io.inspection.column_difference import Tolerance
from eventproc.io.inspection.compare import compare_files
from eventproc.io.inspection.content import read_content
from eventproc.io.inspection.file_summary import verify
from eventproc.io.merging.merge import merge_files
from eventproc.io.merging.merge_part import Part


def kept(path):
    return {(p.type, p.branch_type) for p in read_content(str(path)).products if p.branch_type != "Event"}


def values(path, tree, *names):
    with uproot.open(path) as file:
        return {name: file[tree][name].array().tolist() for name in names}


LUMIS = {"run": [1, 1, 2], "luminosityBlock": [1, 2, 1], "levels_n": [4, 2, 4]}


def test_they_are_stored_and_read_back_by_the_next_job(run, tmp_path):
    run("levels_make")
    assert values(tmp_path / "levels.root", "LuminosityBlocks", *LUMIS) == LUMIS
    run("levels_read")
    both = {("Conditions", "Run"), ("EventCount", "LuminosityBlock")}
    assert kept(tmp_path / "levels.root") == both | {("EventNumbers", "Run")}
    assert kept(tmp_path / "read.root") == both
    assert values(tmp_path / "read.root", "LuminosityBlocks", *LUMIS) == LUMIS
    verify(str(tmp_path / "levels.root"))


ALL_LUMIS = [(run, lumi) for run in (1, 2) for lumi in (1, 2, 3)]


@pytest.mark.parametrize(
    ("words", "lumis", "runs"),
    [
        ((), ALL_LUMIS, [1, 2]),
        (("-n", "2"), ALL_LUMIS, [1, 2]),
        (("lumis=1:1-1:2",), ALL_LUMIS[:2], [1]),
        (("maxEvents=1",), [(1, 3)], [1]),
        (("skip=1",), [(2, 3)], [2]),
        (("entries=0-1",), [(1, 3), (2, 3)], [1, 2]),
        (("makes=1",), [(1, 3), (2, 3)], [1, 2]),
    ],
    ids=["all", "two-processes", "masked", "first-event", "second-event", "slice", "made-anew"],
)
def test_what_was_counted_before_a_selection_is_not_lost_with_its_events(run, tmp_path, words, lumis, runs):
    run("levels_skim")
    run("levels_pass_on", *words)
    found = values(tmp_path / "copy.root", "LuminosityBlocks", *LUMIS)
    assert list(zip(found["run"], found["luminosityBlock"], strict=True)) == lumis
    assert found["levels_n"] == [2] * len(lumis)
    assert values(tmp_path / "copy.root", "Runs", "run")["run"] == runs


# In a process of its own: importing ROOT warns, and takes over signals.
READ_WITH_ROOT = """
import json, sys
import ROOT
file = ROOT.TFile.Open(sys.argv[1])
found = {name: [getattr(entry, name) for entry in file.Get("LuminosityBlocks")] for name in sys.argv[2:]}
print(json.dumps([found, file.Get("Runs").GetEntries(), bool(file.TestBit(ROOT.TFile.kRecovered))]))
"""


@pytest.mark.requires("root")
def test_root_reads_them(run, tmp_path):
    run("levels_make")
    command = [sys.executable, "-W", "ignore", "-c", READ_WITH_ROOT, str(tmp_path / "levels.root"), *LUMIS]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [LUMIS, 2, False]


def test_several_processes_make_the_same_of_them(run, tmp_path):
    run("levels_make")
    (tmp_path / "levels.root").rename(tmp_path / "one.root")
    run("levels_parts", "--numThreads", 2)
    one, parts = str(tmp_path / "one.root"), str(tmp_path / "levels.root")
    assert compare_files(one, parts, Tolerance()).same
    assert values(tmp_path / "levels.root", "LuminosityBlocks", *LUMIS) == LUMIS


def test_no_two_processes_share_a_luminosity_block_that_must_be_seen_as_a_whole(run, tmp_path):
    report = run("levels_whole", "--numThreads", 2).report
    # Half of ten events lies within the second luminosity block.
    assert [(part["first_event"], part["events_read"]) for part in report["processes"]] == [(0, 4), (4, 6)]
    assert values(tmp_path / "whole.root", "LuminosityBlocks", "last_value")["last_value"] == [4, 6, 4]


def test_files_of_one_luminosity_block_are_merged_by_the_rule_of_the_product(run, tmp_path):
    run("levels_make")
    parts = []
    for skip, n in ((0, 3), (3, 7)):
        parts.append(tmp_path / f"{skip}.root")
        run("levels_parts", f"skip={skip}", f"maxEvents={n}", f"output={parts[-1].name}")
    merge_files([Part(str(part)) for part in parts], tmp_path / "all.root")
    assert values(tmp_path / "all.root", "LuminosityBlocks", *LUMIS) == LUMIS
    found = compare_files(str(tmp_path / "levels.root"), str(tmp_path / "all.root"), Tolerance())
    assert found.same, found
    other = compare_files(str(tmp_path / "levels.root"), str(parts[1]), Tolerance())
    assert "EventCount_levels__MAKE of luminosity block 1:1 differs in n" in other.levels
    assert not other.same


def test_products_that_must_be_equal_and_are_not_are_refused(run, tmp_path):
    parts = []
    for skip in (0, 3):
        parts.append(tmp_path / f"{skip}.root")
        run("levels_parts", f"skip={skip}", "maxEvents=3", f"output={parts[-1].name}", f"field={skip}")
    with pytest.raises(MismatchedInputFiles, match=r"Conditions_levels__MAKE of run 1 .* differs"):
        merge_files([Part(str(part)) for part in parts], tmp_path / "all.root")
    assert not (tmp_path / "all.root").exists()
