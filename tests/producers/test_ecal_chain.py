"""The modules from hits to images, as jobs run them."""

import numpy as np
import pytest

from producers.algorithms.image_specification import ImageSpecification
from producers.algorithms.jet_image import draw_jet_images
from producers.datatypes import GenPartons
from tests.flat_files import jet_hits
from tests.producers.jobs import hits, run_chain

JET = hits(*jet_hits())


def partons(*rows):
    columns = [np.array(column) for column in zip(*rows, strict=True)] or [np.zeros(0)] * 4
    return GenPartons(columns[0].astype(np.int32), *(c.astype(np.float32) for c in columns[1:]))


async def test_hits_become_one_jet_and_its_image():
    report, (event,) = await run_chain([{"ecalRecHits": JET}], "ecalCrystals", "ecalJets", "jetImages")
    assert not report.errors
    jets, images, crystals = event["Jets"], event["JetImages"], event["EcalCrystals"]
    assert len(jets) == 1
    assert jets.nCrystals[0] == len(crystals) == 16
    total = (crystals.energy / np.cosh(crystals.eta)).sum()
    assert jets.pt[0] == pytest.approx(total, rel=1e-3)
    assert images.counts.tolist() == [16]
    assert images.value.sum() == pytest.approx(total / jets.pt[0], rel=1e-5)


async def test_the_image_is_the_one_that_training_draws():
    _, (event,) = await run_chain([{"ecalRecHits": JET}], "ecalCrystals", "ecalJets", "jetImages")
    jets, crystals = event["Jets"], event["EcalCrystals"]
    wanted = draw_jet_images(
        ImageSpecification(), crystals.energy, crystals.eta, crystals.phi, jets.pt, jets.eta, jets.phi
    )
    np.testing.assert_array_equal(event["JetImages"].index, wanted.index)
    np.testing.assert_array_equal(event["JetImages"].value, wanted.value)


async def test_an_event_without_hits_has_empty_products():
    _, (event,) = await run_chain([{"ecalRecHits": hits([], [])}], "ecalCrystals", "ecalJets", "jetImages")
    assert [len(event[name]) for name in ("EcalCrystals", "Jets", "JetImages")] == [0, 0, 0]


async def test_dropped_hits_are_counted_by_reason():
    raw_id, _ = jet_hits()
    spoiled = hits(
        [raw_id[0], 7, raw_id[1], raw_id[2], raw_id[3], raw_id[4]],
        [np.nan, 9.0, -1.0, 0.1, 5.0, 5.0],
        flags=[1, 1, 1, 1, 1 << 14, 1],
    )
    _, (event,) = await run_chain([{"ecalRecHits": spoiled}], "ecalCrystals")
    dropped = event["DroppedHits"]
    counts = {c.name: int(getattr(dropped, c.name)[0]) for c in dropped.schema()}
    assert counts == {
        "invalidId": 1, "notFinite": 1, "negative": 1, "belowThreshold": 1, "badSeverity": 1, "outOfTime": 0,
    }  # fmt: skip
    assert len(event["EcalCrystals"]) == 1


async def test_strict_ends_the_job_at_a_hit_that_makes_no_sense():
    raw_id, energy = jet_hits()
    energy[3] = np.inf
    report, _ = await run_chain(
        [{"ecalRecHits": hits(raw_id, energy)}], "ecalCrystals", ecalCrystals={"strict": True}
    )
    assert report.exit_code == 8016
    assert "1 have an energy that is not a number" in report.errors[0].message


async def test_jets_are_labelled_by_the_nearest_parton():
    _, (event,) = await run_chain([{"ecalRecHits": JET}], "ecalCrystals", "ecalJets")
    eta, phi = float(event["Jets"].eta[0]), float(event["Jets"].phi[0])
    events = [
        {"ecalRecHits": JET, "genPartons": partons((6, 600, eta, phi + 0.1), (21, 600, -eta, phi + 3))},
        {"ecalRecHits": JET, "genPartons": partons((21, 600, eta, phi + 0.1), (-6, 600, eta, phi + 0.5))},
        {"ecalRecHits": JET, "genPartons": partons((6, 600, eta, phi + 2.0))},
    ]
    _, (top, qcd, alone) = await run_chain(events, "ecalCrystals", "ecalJets", "jetTruth")
    assert top["JetTruth"].label.tolist() == [1]
    assert top["JetTruth"].deltaR[0] == pytest.approx(0.1, abs=1e-5)
    assert qcd["JetTruth"].label.tolist() == [0]
    assert alone["JetTruth"].label.tolist() == [-1]
    assert np.isnan(alone["JetTruth"].deltaR[0])


async def test_collision_data_have_no_truth():
    _, (event,) = await run_chain([{"ecalRecHits": JET}], "ecalCrystals", "ecalJets", "jetTruth")
    assert event["JetTruth"].label.tolist() == [-1]


async def test_an_event_that_lacks_its_partons_has_no_truth_and_others_have():
    _, (event,) = await run_chain([{"ecalRecHits": JET}], "ecalCrystals", "ecalJets")
    eta, phi = float(event["Jets"].eta[0]), float(event["Jets"].phi[0])
    events = [{"ecalRecHits": JET, "genPartons": partons((6, 600, eta, phi))}, {"ecalRecHits": JET}]
    report, (top, unknown) = await run_chain(events, "ecalCrystals", "ecalJets", "jetTruth")
    assert not report.errors, report.errors
    assert top["JetTruth"].label.tolist() == [1]
    assert unknown["JetTruth"].label.tolist() == [-1]
