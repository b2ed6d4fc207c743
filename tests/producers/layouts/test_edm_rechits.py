import shutil
from pathlib import Path

import numpy as np
import pytest
import uproot

from eventproc.errors import FileReadError, ProductNotFound
from eventproc.io.format.column_buffer import crc32
from eventproc.io.reading.layout_conformance import LayoutConformance
from eventproc.io.root.root_file import NotInFile, RootFile
from eventproc.model.event_id import EventID
from eventproc.modules.parameters import convert_parameters
from producers.layouts.edm_rechits import EdmRecHitsLayout
from producers.layouts.flat_rechits import FlatRecHitsLayout

SAMPLE = Path(__file__).parents[3] / "data" / "edm_rechits.root"
COLLECTION = b"EcalRecHitsSorted_reducedEcalRecHitsEB__RECO"

WRITTEN = {"rawId": "88268e1c", "energy": "f6da20a1", "time": "5c792351", "flags": "24e39d1e"}
"""CRC-32 of the columns as ROOT wrote them; data/make_edm_sample.py printed them."""


def layout(**parameters):
    return EdmRecHitsLayout(convert_parameters(EdmRecHitsLayout.Params, parameters, "layout"))


class TestEdmRecHitsLayout(LayoutConformance):
    def make_layout(self):
        return layout()

    def make_file(self, folder):
        return Path(shutil.copy(SAMPLE, folder))


def test_the_columns_are_those_that_root_wrote():
    with RootFile(str(SAMPLE)) as file:
        opened = layout().open(file)
        columns = opened.read(opened.branches[0], list(WRITTEN), 0, opened.n_entries)
    assert {name: f"{crc32(c.content):08x}" for name, c in zip(WRITTEN, columns, strict=True)} == WRITTEN


def test_the_ids_are_those_that_root_wrote():
    with RootFile(str(SAMPLE)) as file:
        ids = layout().open(file).event_ids(0, 20)
    assert ids == [EventID(194115, 1 + n // 8, 5_000_000_000 + n) for n in range(1, 21)]


def test_the_hits_are_offered_under_the_label_that_jobs_use():
    with RootFile(str(SAMPLE)) as file:
        assert [b.name for b in layout().open(file).branches] == ["EcalRecHits_ecalRecHits__RECO"]


def test_the_collection_can_be_named():
    with RootFile(str(SAMPLE)) as file:
        assert layout(collection=COLLECTION.decode()).open(file).n_entries == 20
        assert layout(collection=COLLECTION.decode() + ".").open(file).n_entries == 20


def test_a_collection_that_is_not_there_is_refused_with_the_near_name():
    with RootFile(str(SAMPLE)) as file, pytest.raises(ProductNotFound) as error:
        layout(collection="EcalRecHitsSorted_ecalRecHit_EcalRecHitsEB_RECO").open(file)
    assert COLLECTION.decode() in str(error.value)


class FakeTree:
    """A tree of the given branches, for choices that need no content."""

    pfn, name, n_entries = "in.root", "Events", 5

    def __init__(self, *collections):
        members = ["id_.id_", "energy_", "time_", "flagBits_"]
        self.branch_names = ["EventAuxiliary", *collections] + [
            f"{c.rstrip('.')}.obj.obj.{member}" for c in collections for member in members
        ]

    def require(self, *names, jagged):
        assert set(names) <= set(self.branch_names)


class FakeFile:
    pfn = "in.root"

    def __init__(self, *collections):
        self._tree = FakeTree(*collections)

    def tree(self, name):
        return self._tree

    def member_names(self, class_name):
        return ["processHistoryID_", "id_"]


@pytest.mark.parametrize(
    ("name", "process"),
    [
        ("EcalRecHitsSorted_reducedEcalRecHitsEB__RECO.", "RECO"),
        ("EcalRecHitsSorted_reducedEgamma_reducedEBRecHits_PAT.", "PAT"),
        ("EcalRecHitsSorted_ecalRecHit_EcalRecHitsEB_RECO.", "RECO"),
        ("EcalRecHitsSorted_reducedEcalRecHitsEB__RECO", "RECO"),
        ("EcalRecHitsSorted_reducedEcalRecHitsEB__HLT.", "HLT"),
    ],
)
def test_the_names_of_aod_miniaod_and_reco_are_known(name, process):
    endcap = "EcalRecHitsSorted_reducedEcalRecHitsEE__RECO."
    (branch,) = layout().open(FakeFile(endcap, name)).branches
    assert (branch.label, branch.process) == ("ecalRecHits", process)


def test_the_endcap_alone_is_not_enough():
    with pytest.raises(ProductNotFound, match=r"no collection EcalRecHitsSorted_reduced.*EE__RECO'"):
        layout().open(FakeFile("EcalRecHitsSorted_reducedEcalRecHitsEE__RECO."))


def test_a_tree_without_auxiliary_is_not_of_cms(tmp_path):
    with uproot.recreate(tmp_path / "a.root") as file:
        file.mktree("Events", {"run": np.arange(3)})
    with RootFile(str(tmp_path / "a.root")) as file, pytest.raises(NotInFile, match="EventAuxiliary"):
        layout().open(file)


def test_an_auxiliary_of_another_layout_is_a_read_error():
    with RootFile(str(SAMPLE)) as file:
        opened = layout().open(file)
        opened._members_before_id = 2
        with pytest.raises(FileReadError, match="EventAuxiliary of entries 0 to 4"):
            opened.event_ids(0, 5)


def test_real_events_are_the_same_in_both_layouts(cms_events):
    flat_layout = FlatRecHitsLayout(FlatRecHitsLayout.Params())
    with (
        RootFile(str(cms_events / "cms2012_ebhits_edm.root")) as edm_file,
        RootFile(str(cms_events / "cms2012_ebhits.root")) as flat_file,
    ):
        edm, flat = layout().open(edm_file), flat_layout.open(flat_file)
        assert edm.event_ids(0, 100) == flat.event_ids(0, 100)
        names = ["rawId", "energy", "time", "flags"]
        for one, other in zip(
            edm.read(edm.branches[0], names, 0, 100), flat.read(flat.branches[0], names, 0, 100), strict=True
        ):
            assert np.array_equal(one.offsets, other.offsets)
            assert np.array_equal(one.content, other.content)
