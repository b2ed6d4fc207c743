"""ROOT itself, as an oracle: it reads what we write, and finds nothing to recover."""

import json
import subprocess
import sys

import awkward as ak
import pytest
import uproot

from tests.eventproc.io.tracks import (
    TRACKS,
    Tracks,
    event_id,
    make_output,
    process,
    token,
    tracks,
    view,
    write_file,
)

pytestmark = pytest.mark.requires("root")

# In a process of its own: importing ROOT warns, and takes over signals.
READ = """
import json, sys
import ROOT
def lacking(file):
    if not file.Get("EventsPresence"):
        return []
    events = file.Get("Events")
    events.AddFriend("EventsPresence")
    without = ROOT.RDataFrame(events).Filter("!Tracks_tracks__GEN")
    return [int(event) for event in without.Take["ULong64_t"]("event").GetValue()]
def read(path):
    file = ROOT.TFile.Open(path)
    frame = ROOT.RDataFrame("Events", file)
    sums = {str(name): frame.Sum(str(name)) for name in frame.GetColumnNames()}
    return {
        "recovered": bool(file.TestBit(ROOT.TFile.kRecovered)),
        "metadata": str(file.Get("eventproc").GetString()),
        "entries": int(frame.Count().GetValue()),
        "sums": {name: float(value.GetValue()) for name, value in sums.items()},
        "lacking": lacking(file),
    }
print(json.dumps([read(path) for path in sys.argv[1:]]))
"""


def write_partial(path):
    """The products of every fifth event are missing."""
    output = make_output(path)
    output.open(process(), [(TRACKS, token(Tracks, "tracks", 0))], ())
    for n in range(1200):
        output.write(view(n, tracks(n) if n % 5 else None))
    return output.abandon(keep_partial=True).pfn


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Path of a full, an empty and a partial file, each with what ROOT found in it."""
    folder = tmp_path_factory.mktemp("root")
    paths = [
        write_file(folder / "full.root", 2500),
        write_file(folder / "empty.root", 0),
        write_partial(folder / "o.root"),
    ]
    command = [sys.executable, "-W", "ignore", "-c", READ, *paths]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    return dict(zip(["full", "empty", "partial"], zip(paths, found, strict=True), strict=True))


def test_root_finds_the_same_values_as_uproot(files):
    path, found = files["full"]
    assert (found["recovered"], found["entries"]) == (False, 2500)
    with uproot.open(path) as file:
        arrays = file["Events"].arrays()
    assert found["sums"] == pytest.approx({name: float(ak.sum(arrays[name])) for name in arrays.fields})


def test_root_reads_the_metadata(files):
    path, found = files["full"]
    with uproot.open(path) as file:
        assert found["metadata"] == str(file["eventproc"])


def test_root_reads_a_file_without_events(files):
    found = files["empty"][1]
    assert (found["recovered"], found["entries"]) == (False, 0)
    assert "tracks_pt" in found["sums"]


def test_root_reads_a_partial_file(files):
    found = files["partial"][1]
    assert (found["recovered"], found["entries"]) == (False, 1200)


def test_root_reads_which_events_lack_a_product_as_a_friend_of_the_tree(files):
    assert files["partial"][1]["lacking"] == [event_id(n).event for n in range(0, 1200, 5)]
    assert files["full"][1]["lacking"] == []
