import numpy as np
import pytest

from producers.plots.label_spots import HEIGHT, WIDTH, label_spots

NOTHING = (np.zeros(0), np.zeros(0), np.zeros(0))


def spots(etas, phis, crystals=NOTHING):
    return label_spots(etas, phis, 0.8, crystals, 1.479)


def test_a_label_stands_right_above_its_circle_where_there_is_room():
    ((phi, eta),) = spots([-0.5], [1.0])
    assert phi == 1.0
    assert 0.3 < eta < 0.3 + HEIGHT


def test_a_label_stands_below_where_the_map_ends():
    ((_, eta),) = spots([0.9], [1.0])
    assert eta < 0.1


def test_a_label_makes_way_for_crystals():
    ((phi, eta),) = spots([-0.5], [1.0], (np.array([0.45]), np.array([1.1]), np.array([5.0])))
    assert abs(eta - 0.45) > HEIGHT / 2 or abs(phi - 1.1) > WIDTH / 2


def test_labels_do_not_cover_each_other():
    found = spots([0.1, 0.1, 0.15], [0.5, 0.6, 0.4])
    for n, (phi, eta) in enumerate(found):
        for other_phi, other_eta in found[:n]:
            assert abs(phi - other_phi) >= WIDTH or abs(eta - other_eta) >= HEIGHT


@pytest.mark.parametrize("phi", [-3.14, 3.14, 0.0])
@pytest.mark.parametrize("eta", [-1.4, 0.0, 1.4])
def test_a_label_lies_within_the_map(eta, phi):
    ((at_phi, at_eta),) = spots([eta], [phi])
    assert abs(at_phi) + WIDTH / 2 <= np.pi
    assert abs(at_eta) + HEIGHT / 2 <= 1.479
