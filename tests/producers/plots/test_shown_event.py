import numpy as np
import pytest

from eventproc.errors import CommandLineError, FileOpenError, FileReadError, ProductNotFound
from eventproc.model.event_id import EventID
from producers.algorithms.jet_image import draw_jet_images
from producers.datatypes import Jets, TopTags
from producers.plots.event_choice import find_entry, parse_event_id
from producers.plots.shown_event import read_shown_event
from tests.producers.plots import conftest as files

IDS = [EventID(1, 1, 5), EventID(1, 1, 15), EventID(1, 2, 25), EventID(2, 1, 5)]


def shown(file, wanted=0, hits=None, **choices):
    return read_shown_event(str(file), wanted, hits_file=hits and str(hits), **choices)


def test_hits_come_from_the_file_that_the_job_read(tagged_file, hit_file):
    event = shown(tagged_file, EventID(1, 2, 25))
    assert event.id == (1, 2, 25)
    assert event.hits_file == str(hit_file)
    assert len(event.crystals) == 32
    assert not event.clustered_here
    np.testing.assert_array_equal(event.tags.score, np.array([0.875, np.nan], np.float32))
    assert event.inference.server == ("http://gpu1:8000",)


def test_images_are_those_that_the_job_drew(tagged_file):
    event = shown(tagged_file)
    assert event.specification.window == 0.5
    crystals, jets = event.crystals, event.jets
    expected = draw_jet_images(
        event.specification, crystals.energy, crystals.eta, crystals.phi, jets.pt, jets.eta, jets.phi
    )
    np.testing.assert_array_equal(event.images.index, expected.index)
    np.testing.assert_array_equal(event.images.value, expected.value)
    assert event.images.counts.tolist() == [16, 16]


def test_the_jobs_own_selection_is_used(tmp_path, hit_file):
    branches = [files.branch(Jets, "ecalJets", "TOPTAG")]
    jets = files.jets(files.hits(0))
    past = files.history([hit_file], minimum=35.0)
    file = files.write(tmp_path / "strict.root", branches, [(jets,)], past)
    event = shown(file)
    assert event.crystals.energy.min() > 35.0
    assert event.tags is None


def test_without_jets_they_are_clustered_here(hit_file):
    event = shown(hit_file, 3)
    assert event.clustered_here
    np.testing.assert_allclose(event.jets.pt, files.jets(files.hits(3)).pt, rtol=1e-6)
    assert event.specification.window == 1.0


def test_jets_that_are_missing_from_the_event_are_clustered_here_too(tmp_path, hit_file):
    branches = [files.branch(Jets, "ecalJets", "TOPTAG")]
    file = files.write(tmp_path / "gap.root", branches, [(None,), (Jets.empty(),)], files.history([hit_file]))
    missing, none = shown(file, 0), shown(file, 1)
    assert (missing.clustered_here, len(missing.jets)) == (True, 2)
    assert (none.clustered_here, len(none.jets)) == (False, 0)


def test_the_least_et_of_jets_that_are_clustered_here_can_be_chosen(hit_file):
    hardest = float(files.jets(files.hits(0)).pt[0])
    assert len(shown(hit_file, jet_et_min=hardest - 1).jets) == 1
    assert len(shown(hit_file, jet_et_min=hardest + 1).jets) == 0


def test_named_hits_come_first(tagged_file, hit_file, tmp_path):
    moved = hit_file.rename(tmp_path / "moved.root")
    assert shown(tagged_file, 1, moved).hits_file == str(moved)


def test_without_hits_the_error_says_what_would_work(tagged_file, hit_file, tmp_path):
    hit_file.rename(tmp_path / "moved.root")
    with pytest.raises(ProductNotFound, match=r"hits\.root.*--hits FILE"):
        shown(tagged_file)


def test_a_file_of_hits_without_the_event_names_the_near_ones(tagged_file, tmp_path):
    other = files.write(
        tmp_path / "other.root", [files.branch(files.EcalRecHits, "ecalRecHits", "SIM")], [(files.hits(0),)]
    )
    with pytest.raises(CommandLineError, match=r"other\.root' has no event 1:1:15.* are 1:1:5"):
        shown(tagged_file, 1, other)


def test_a_file_without_hits_named_for_its_hits_is_refused(tagged_file):
    with pytest.raises(ProductNotFound, match="holds no ECAL hits"):
        shown(tagged_file, 0, tagged_file)


def test_jets_of_another_label_are_offered(tagged_file):
    with pytest.raises(ProductNotFound, match=r"did you mean 'ecalJets'.*--jets"):
        shown(tagged_file, jets_label="ecaljet")


def test_scores_of_other_jets_are_refused(tmp_path, hit_file):
    branches = [files.branch(Jets, "ecalJets", "TOPTAG"), files.branch(TopTags, "topTags", "TOPTAG")]
    tags = TopTags(np.zeros(1, np.float32), np.zeros(1, np.uint8))
    file = files.write(
        tmp_path / "odd.root", branches, [(files.jets(files.hits(0)), tags)], files.history([hit_file])
    )
    with pytest.raises(FileReadError, match="2 jets 'ecalJets' and 1 scores"):
        shown(file)


def test_a_missing_file_is_an_open_error(tmp_path):
    with pytest.raises(FileOpenError, match="does not exist"):
        shown(tmp_path / "none.root")


@pytest.mark.parametrize("text", ["", "1:2", "1:2:3:4", "1:2:x", "1:2:-3", "1: 2:3"])
def test_what_is_no_event_id_is_refused(text):
    with pytest.raises(CommandLineError, match="write run:lumi:event"):
        parse_event_id(text)


def test_an_event_is_found_by_id_and_by_entry():
    assert find_entry(IDS, EventID(1, 2, 25), "f") == (2, IDS[2])
    assert find_entry(IDS, 3, "f") == (3, IDS[3])


def test_near_events_are_named():
    with pytest.raises(CommandLineError, match="nearest of its 4 events are 1:1:5, 1:1:15, 1:2:25"):
        find_entry(IDS, EventID(1, 1, 12), "f")


@pytest.mark.parametrize("entry", [4, -1])
def test_an_entry_beyond_the_file_is_refused(entry):
    with pytest.raises(CommandLineError, match="it has 4 entries, counted from 0"):
        find_entry(IDS, entry, "f")
