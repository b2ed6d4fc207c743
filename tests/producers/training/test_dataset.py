"""Tests of the way from events to batches of images."""

import numpy as np
import pytest

from producers.algorithms.ecal_geometry import CRYSTAL_ETA, CRYSTAL_PHI, transverse_energy
from producers.algorithms.image_specification import ImageSpecification
from producers.algorithms.jet_clustering import cluster_jets
from producers.algorithms.jet_image import draw_jet_images
from producers.training.dataset import (
    NO_AUGMENTATION,
    Augmentation,
    augment,
    cluster_shard,
    concatenate,
    draw_batch,
    is_test_shard,
    leading_jets,
    load_jets,
    random_jets,
)
from producers.training.event_shards import EventShard, shard_path, write_arrays
from tests.producers.training.jets import made_up_jets, made_up_shard


def write_shard(folder, process, number, shard):
    columns = {name: getattr(shard, name) for name in EventShard.__slots__}
    write_arrays(shard_path(folder, process, number), columns)


@pytest.mark.parametrize("rule", ["nearest", "area"])
def test_training_sees_the_images_that_are_served(rule):
    shard, specification = made_up_shard("top", 12, 1), ImageSpecification(pixel_rule=rule)
    jets = leading_jets(cluster_shard(shard))
    trained = draw_batch(jets, np.arange(len(jets)), specification, NO_AUGMENTATION, np.random.default_rng(0))
    served = []
    for hits in np.split(np.arange(len(shard.hit_index)), np.cumsum(shard.hit_counts)[:-1]):
        index = shard.hit_index[hits].astype(int)
        energy, eta, phi = shard.hit_energy[hits], CRYSTAL_ETA[index], CRYSTAL_PHI[index]
        found = cluster_jets(transverse_energy(energy, eta), eta, phi)
        if len(found) and found.pt[0] > 200 and abs(found.eta[0]) < 1:
            axis = found.pt[:1], found.eta[:1], found.phi[:1]
            served.append(draw_jet_images(specification, energy, eta, phi, *axis).dense(224)[0])
    assert len(served) == len(trained) > 3
    # Coordinates are kept in float32, so a crystal within 1e-7 of a line may change sides.
    different = np.abs(trained - np.array(served)) > 1e-5
    assert different.mean() < 1e-5


def test_jets_are_labelled_by_their_parton_and_others_are_dropped():
    top, qcd = made_up_jets("top", 8, 1), made_up_jets("QCD", 8, 2)
    assert (top.label == 1).all()
    assert (qcd.label == 0).all()
    assert qcd.leading.sum() == len(leading_jets(qcd)) == 8
    shard = made_up_shard("QCD", 4, 3)
    lost = EventShard(
        **{name: getattr(shard, name) for name in EventShard.__slots__} | {"parton_eta": shard.parton_eta + 5}
    )
    assert len(cluster_shard(lost)) == 0


def test_joined_jets_keep_their_crystals():
    parts = [made_up_jets("top", 3, 1), made_up_jets("QCD", 3, 2)]
    joined = concatenate(parts)
    assert len(joined) == len(parts[0]) + len(parts[1])
    assert joined.crystal_counts.sum() == len(joined.crystal_et)
    last = np.array([len(joined) - 1])
    pixels = ImageSpecification(pixels=56), NO_AUGMENTATION, np.random.default_rng(0)
    alone = draw_batch(parts[1], np.array([len(parts[1]) - 1]), *pixels)
    assert np.array_equal(draw_batch(joined, last, *pixels), alone)


def test_some_jets_are_drawn_whole_and_the_same_ones_again():
    shard = made_up_shard("top", 12, 1)
    jets = leading_jets(cluster_shard(shard))
    some = random_jets(jets, len(jets) // 2)
    starts = np.concatenate([[0], np.cumsum(jets.crystal_counts)])
    chosen = np.flatnonzero(np.isin(jets.jet_et, some.jet_et))
    assert len(some) == len(chosen) == len(jets) // 2
    expected = np.concatenate([jets.crystal_et[starts[i] : starts[i + 1]] for i in chosen])
    np.testing.assert_array_equal(some.crystal_et, expected)
    np.testing.assert_array_equal(random_jets(jets, len(jets) // 2).jet_et, some.jet_et)
    assert len(random_jets(jets, 10 * len(jets))) == len(jets)


def test_augmentation_keeps_the_jet_and_moves_it():
    random = np.random.default_rng(4)
    eta, phi = random.normal(0, 0.3, 50), random.normal(0, 0.3, 50)
    new_eta, new_phi = augment(eta, phi, Augmentation(max_shift=0.0), random)
    assert np.hypot(new_eta, new_phi) == pytest.approx(np.hypot(eta, phi))
    assert not np.allclose(new_eta, eta)
    shifted = augment(eta, phi, Augmentation(rotate=False, flip=False, max_shift=3.0), random)
    assert np.ptp(shifted[0] - eta) == pytest.approx(0.0, abs=1e-12)
    assert np.abs(shifted[0] - eta).max() <= 3 * np.pi / 180
    assert np.array_equal(augment(eta, phi, NO_AUGMENTATION, random), (eta, phi))


def test_held_out_shards_are_never_trained_on(tmp_path):
    for number in range(5):
        write_shard(tmp_path, "top", number, made_up_shard("top", 2, number))
        write_shard(tmp_path, "QCD", number, made_up_shard("QCD", 2, 10 + number))
    training, test = load_jets(tmp_path, test=False), load_jets(tmp_path, test=True)
    assert sum(is_test_shard(number) for number in range(5)) == 1
    assert len(training) >= 12
    assert not np.isin(test.jet_et, training.jet_et).any()
    assert len(list((tmp_path / "jets").iterdir())) == 10
    assert np.array_equal(load_jets(tmp_path, test=True).crystal_et, test.crystal_et)


def test_a_folder_without_events_says_how_to_make_them(tmp_path):
    with pytest.raises(FileNotFoundError, match="generate"):
        load_jets(tmp_path, test=False)
