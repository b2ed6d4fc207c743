import awkward as ak
import numpy as np
import pytest
import uproot

from eventproc.errors import ProductNotFound
from eventproc.io.reading.layout_conformance import LayoutConformance
from eventproc.io.root.root_file import NotInFile, RootFile
from eventproc.model.event_id import EventID
from eventproc.modules.parameters import convert_parameters
from producers.layouts.flat_rechits import FlatRecHitsLayout

ROWS = [3, 0, 1, 2, 0, 4]


def layout(**parameters):
    return FlatRecHitsLayout(convert_parameters(FlatRecHitsLayout.Params, parameters, "layout"))


def jagged(dtype, rows=ROWS):
    return ak.values_astype(ak.unflatten(np.arange(sum(rows)), rows), dtype)


def write(path, tree="Events", **changes):
    """A file in the default layout; a keyword changes a branch, None leaves it out."""
    hits = {"rawId": jagged("uint32"), "energy": jagged("float32"), "time": jagged("float32")}
    hits |= {name.removeprefix("EBHit_"): v for name, v in changes.items() if name.startswith("EBHit_")}
    n = len(ROWS)
    branches = {
        "run": np.full(n, 198230, np.uint32),
        "lumi": np.full(n, 1380, np.uint32),
        "event": np.arange(n, dtype=np.uint64) + 10**10,
        "EBHit": ak.zip({name: column for name, column in hits.items() if column is not None}),
        "Jet": ak.zip({name: jagged("float32", [1, 2, 0, 0, 1, 1]) for name in ("et", "eta", "phi")}),
    }
    branches |= {name: v for name, v in changes.items() if not name.startswith("EBHit_")}
    with uproot.recreate(path) as file:
        file.mktree(tree, {name: column for name, column in branches.items() if column is not None})
    return path


def columns(path, *names, product=0, **parameters):
    with RootFile(str(path)) as file:
        opened = layout(**parameters).open(file)
        return [c.content.tolist() for c in opened.read(opened.branches[product], names, 0, len(ROWS))]


def refused(path, kind, *phrases, **parameters):
    with RootFile(str(path)) as file, pytest.raises(kind) as error:
        layout(**parameters).open(file)
    for phrase in (str(path), *phrases):
        assert phrase in str(error.value)


class TestFlatRecHitsLayout(LayoutConformance):
    def make_layout(self):
        return layout()

    def make_file(self, folder):
        return write(folder / "a.root")


def test_hits_and_stored_jets_are_offered_under_the_labels_that_jobs_use(tmp_path):
    with RootFile(str(write(tmp_path / "a.root"))) as file:
        names = [branch.name for branch in layout().open(file).branches]
    assert names == ["EcalRecHits_ecalRecHits__RECO", "PFJets_ak5PFJets__RECO"]


def test_hits_have_the_values_of_their_branches_and_are_good(tmp_path):
    raw_id, energy, flags = columns(write(tmp_path / "a.root"), "rawId", "energy", "flags")
    assert raw_id == list(range(10))
    assert energy == list(range(10))
    assert flags == [1] * 10


def test_filled_columns_can_be_read_without_the_others(tmp_path):
    assert columns(write(tmp_path / "a.root"), "flags") == [[1] * 10]


def test_ids_are_those_of_the_file(tmp_path):
    with RootFile(str(write(tmp_path / "a.root"))) as file:
        assert layout().open(file).event_ids(1, 2) == [EventID(198230, 1380, 10**10 + 1)]


def test_every_branch_can_have_another_name(tmp_path):
    renamed = ak.zip({"id": jagged("uint32"), "e": jagged("float32"), "status": jagged("uint32")})
    nothing = dict.fromkeys(["EBHit", "Jet", "lumi"])
    ls = np.arange(6, dtype=np.uint32)
    path = write(tmp_path / "a.root", tree="t", hit=renamed, ls=ls, **nothing)
    names = {"rawId": "hit_id", "energy": "hit_e", "flags": "hit_status", "time": "", "jetEt": ""}
    parameters = {"tree": "t", "luminosityBlock": "ls", "process": "MINE", **names}
    flags, time = columns(path, "flags", "time", **parameters)
    assert (flags, time) == (list(range(10)), [0.0] * 10)


def test_a_file_without_jets_offers_none(tmp_path):
    with RootFile(str(write(tmp_path / "a.root", Jet=None))) as file:
        assert [branch.label for branch in layout().open(file).branches] == ["ecalRecHits"]


def test_energies_in_double_precision_are_converted(tmp_path):
    path = write(tmp_path / "a.root", EBHit_energy=jagged("float64"))
    with RootFile(str(path)) as file:
        opened = layout().open(file)
        assert opened.read(opened.branches[0], ["energy"], 0, 6)[0].content.dtype == np.float32


def test_a_missing_tree_is_refused(tmp_path):
    refused(write(tmp_path / "a.root", tree="Evts"), NotInFile, "'Events'", "'Evts'")


def test_a_missing_branch_is_refused_with_the_near_name(tmp_path):
    path = write(tmp_path / "a.root", EBHit_energy=None, EBHit_energi=jagged("float32"))
    refused(path, ProductNotFound, "'EBHit_energy'", "did you mean 'EBHit_energi'")


def test_a_tree_with_nothing_of_the_hits_is_of_another_kind(tmp_path):
    path = write(tmp_path / "a.root", EBHit=None, EEHit=ak.zip({"energy": jagged("float32")}))
    refused(path, NotInFile, "none of 'EBHit_rawId', 'EBHit_energy', 'EBHit_time'")


def test_a_misspelt_parameter_value_is_refused_with_the_near_name(tmp_path):
    refused(write(tmp_path / "a.root"), ProductNotFound, "'EBHit_Time'", "'EBHit_time'", time="EBHit_Time")


def test_a_branch_of_one_number_is_no_list_of_hits(tmp_path):
    refused(write(tmp_path / "a.root"), ProductNotFound, "a list of numbers", energy="run")


def test_real_events_are_read(cms_events):
    with RootFile(str(cms_events / "cms2012_ebhits.root")) as file:
        opened = layout().open(file)
        raw_id, energy = opened.read(opened.branches[0], ["rawId", "energy"], 0, opened.n_entries)
        jets = opened.read(opened.branches[1], ["et"], 0, opened.n_entries)[0]
    assert opened.n_entries == 100
    assert (raw_id.content >= 838861313).all()
    assert (raw_id.content <= 838970216).all()
    assert energy.content.min() < 0 < energy.content.max()
    assert len(jets.content) > 100
