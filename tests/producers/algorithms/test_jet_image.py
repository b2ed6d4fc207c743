"""Tests of jet images against a plain numpy reference."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from producers.algorithms.ecal_geometry import CRYSTAL_ETA, CRYSTAL_PHI, CRYSTAL_WIDTH, transverse_energy
from producers.algorithms.image_specification import ImageSpecification
from producers.algorithms.jet_image import draw_jet_images

RULES = ["nearest", "area"]
NEAREST = ImageSpecification()
PIXEL = 2 / 224


def reference_image(specification, energy, eta, phi, jet_et, jet_eta, jet_phi):
    """One dense image, by the words of the specification: np.histogram2d for centres, overlaps for cells."""
    n, window = specification.pixels, specification.window
    kept = energy > specification.minimum_energy
    et = energy[kept] / np.cosh(eta[kept])
    d_eta = eta[kept] - jet_eta
    d_phi = np.angle(np.exp(1j * (phi[kept] - jet_phi)))
    edges = np.linspace(-window, window, n + 1)
    if specification.pixel_rule == "nearest":
        # histogram2d gives a line to the upper bin; mirrored, to the lower.
        image = np.histogram2d(-d_eta, -d_phi, bins=(edges, edges), weights=et)[0][::-1, ::-1]
    else:
        overlaps = [
            np.clip(
                np.minimum(edges[1:], centre[:, None] + CRYSTAL_WIDTH / 2)
                - np.maximum(edges[:-1], centre[:, None] - CRYSTAL_WIDTH / 2),
                0,
                None,
            )
            / CRYSTAL_WIDTH
            for centre in (d_eta, d_phi)
        ]
        image = np.einsum("c,cr,cp->rp", et, *overlaps)
    return image / (jet_et if specification.normalisation == "jet_et" else 1.0)


@st.composite
def events(draw):
    """Crystals of the true barrel around one jet axis, and the jet; the axis is off the pixel lines."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_crystals = draw(st.integers(0, 60))
    axis = random.integers(len(CRYSTAL_ETA))
    jet_eta = float(CRYSTAL_ETA[axis] + random.uniform(0.001, 0.004))
    jet_phi = float(CRYSTAL_PHI[axis] + random.uniform(0.001, 0.004))
    spread = draw(st.sampled_from([0.05, 0.4, 2.0]))
    near = np.flatnonzero(np.abs(CRYSTAL_ETA - jet_eta) < spread)
    index = random.choice(near, n_crystals)
    energy = random.exponential(2.0, n_crystals)
    return energy, CRYSTAL_ETA[index], CRYSTAL_PHI[index], random.uniform(1, 500), jet_eta, jet_phi


def draw_one(specification, energy, eta, phi, jet_et=1.0, jet_eta=0.0, jet_phi=0.0):
    return draw_jet_images(specification, energy, eta, phi, [jet_et], [jet_eta], [jet_phi])


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("normalisation", ["jet_et", "none"])
@settings(deadline=None, max_examples=15)
@given(event=events())
def test_images_equal_the_plain_reference(rule, normalisation, event):
    specification = ImageSpecification(pixel_rule=rule, normalisation=normalisation)
    assume(rule == "area" or off_the_lines(event, specification.pixels, specification.window))
    compare_with_reference(specification, event)


@pytest.mark.soak
@pytest.mark.timeout(600)
@settings(deadline=None, max_examples=2000)
@given(
    event=events(),
    rule=st.sampled_from(RULES),
    pixels=st.integers(1, 256),
    window=st.floats(0.1, 3.0),
    minimum_energy=st.floats(0, 5),
)
def test_images_of_any_specification_equal_the_plain_reference(event, rule, pixels, window, minimum_energy):
    assume(rule == "area" or off_the_lines(event, pixels, window))
    compare_with_reference(
        ImageSpecification(pixels=pixels, window=window, pixel_rule=rule, minimum_energy=minimum_energy),
        event,
    )


def off_the_lines(event, pixels, window):
    """Whether no centre is so near to a line between pixels that rounding decides which it falls into."""
    _, eta, phi, _, jet_eta, jet_phi = event
    distances = np.concatenate([eta - jet_eta, np.angle(np.exp(1j * (phi - jet_phi)))])
    lines = (distances + window) / (2 * window / pixels)
    return bool((np.abs(lines - np.round(lines)) > 2e-6 * pixels / window).all())


def compare_with_reference(specification, event):
    image = draw_one(specification, *event).dense(specification.pixels)[0]
    expected = reference_image(specification, *event)
    np.testing.assert_allclose(image, expected, rtol=1e-5, atol=1e-6 * event[0].sum())


@settings(deadline=None, max_examples=20)
@given(event=events(), rule=st.sampled_from(RULES), n_jets=st.integers(0, 4))
def test_jets_drawn_together_are_those_drawn_one_by_one(event, rule, n_jets):
    energy, eta, phi, jet_et, jet_eta, jet_phi = event
    specification = ImageSpecification(pixel_rule=rule)
    axes_eta, axes_phi = jet_eta + 0.3 * np.arange(n_jets), jet_phi + 0.7 * np.arange(n_jets)
    jets_et = jet_et * np.arange(1.0, n_jets + 1)
    together = draw_jet_images(specification, energy, eta, phi, jets_et, axes_eta, axes_phi)
    alone = [
        draw_one(specification, energy, eta, phi, *jet)
        for jet in zip(jets_et, axes_eta, axes_phi, strict=True)
    ]
    assert together.counts.tolist() == [len(image.index) for image in alone]
    assert together.index.tolist() == [pixel for image in alone for pixel in image.index.tolist()]
    assert together.value.tolist() == [value for image in alone for value in image.value.tolist()]


@settings(deadline=None, max_examples=20)
@given(event=events(), rule=st.sampled_from(RULES))
def test_an_image_holds_the_energy_of_the_crystals_within_the_window(event, rule):
    energy, eta, phi, jet_et, jet_eta, jet_phi = event
    inner = 1.0 - CRYSTAL_WIDTH / 2
    d_phi = np.angle(np.exp(1j * (phi - jet_phi)))
    within = (np.abs(eta - jet_eta) < inner) & (np.abs(d_phi) < inner)
    energy, eta, phi = energy[within], eta[within], phi[within]
    images = draw_one(ImageSpecification(pixel_rule=rule), energy, eta, phi, jet_et, jet_eta, jet_phi)
    kept = energy > 0.25
    expected = transverse_energy(energy[kept], eta[kept]).sum() / jet_et
    assert images.value.sum(dtype=np.float64) == pytest.approx(expected, rel=1e-5, abs=1e-9)


@settings(deadline=None, max_examples=20)
@given(event=events(), rule=st.sampled_from(RULES), crystals=st.integers(-400, 400), turns=st.integers(-1, 1))
def test_turning_the_event_by_whole_crystals_changes_nothing(event, rule, crystals, turns):
    energy, eta, phi, jet_et, jet_eta, jet_phi = event
    angle = crystals * CRYSTAL_WIDTH + turns * 2 * math.pi
    specification = ImageSpecification(pixel_rule=rule)
    first = draw_one(specification, *event)
    second = draw_one(specification, energy, eta, phi + angle, jet_et, jet_eta, jet_phi + angle)
    np.testing.assert_allclose(second.dense(224), first.dense(224), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("turn", range(0, 360, 7))
def test_a_crystal_on_the_axis_stays_in_its_pixel_whatever_the_rounding(turn):
    phi = np.array([turn * CRYSTAL_WIDTH], np.float32)
    jet_phi = float(np.float32(phi[0] + 1e-7))
    assert draw_one(NEAREST, [1.0], [0.3], phi, 1.0, 0.3, jet_phi).index.tolist() == [111 * 224 + 111]


@settings(deadline=None, max_examples=20)
@given(event=events(), rule=st.sampled_from(RULES))
def test_the_sparse_form_is_in_order_without_doubles_or_zeros(event, rule):
    images = draw_one(ImageSpecification(pixel_rule=rule), *event)
    assert (np.diff(images.index.astype(int)) > 0).all()
    assert (images.value > 0).all()
    assert images.counts.sum() == len(images.index) == len(images.value)
    assert (images.counts.dtype, images.index.dtype, images.value.dtype) == (np.uint32, np.uint16, np.float32)


@pytest.mark.parametrize(
    ("delta", "pixel"),
    [
        (-1.0, 0),
        (-1.0 + PIXEL, 0),
        (-1.0 + 1.5 * PIXEL, 1),
        (0.0, 111),
        (PIXEL / 2, 112),
        (1.0 - PIXEL, 222),
        (1.0 - PIXEL / 2, 223),
        (1.0, 223),
    ],
)
def test_a_line_belongs_to_the_lower_pixel_and_the_rim_to_the_outermost(delta, pixel):
    along_eta = draw_one(NEAREST, [10.0], [delta], [0.0])
    along_phi = draw_one(NEAREST, [10.0], [0.0], [delta])
    assert along_eta.index.tolist() == [pixel * 224 + 111]
    assert along_phi.index.tolist() == [111 * 224 + pixel]


@pytest.mark.parametrize("delta", [-1.001, 1.001, 3.0])
def test_nearest_leaves_out_what_is_beyond_the_window(delta):
    assert draw_one(NEAREST, [10.0, 10.0], [delta, 0.0], [0.0, delta]).counts.tolist() == [0]


def test_area_loses_the_part_of_a_cell_that_is_beyond_the_window():
    specification = ImageSpecification(pixel_rule="area", normalisation="none")
    image = draw_one(specification, [10.0], [0.0], [1.0])
    assert image.value.sum() == pytest.approx(5.0)
    assert (image.index % 224 == 223).all()


@pytest.mark.parametrize("rule", RULES)
def test_crystals_in_one_pixel_add(rule):
    specification = ImageSpecification(pixel_rule=rule)
    once = draw_one(specification, [4.0], [0.004], [0.004], jet_et=10.0)
    twice = draw_one(specification, [1.0, 3.0], [0.004, 0.004], [0.004, 0.004], jet_et=10.0)
    assert twice.index.tolist() == once.index.tolist()
    assert twice.value == pytest.approx(once.value)


@pytest.mark.parametrize("rule", RULES)
def test_a_jet_on_the_phi_seam_sees_both_sides(rule):
    images = draw_one(
        ImageSpecification(pixel_rule=rule), [5.0, 5.0], [0.0, 0.0], [3.12, -3.12], 10.0, 0.0, math.pi
    )
    columns = images.dense(224)[0].sum(axis=0)
    assert columns[:112].sum() == pytest.approx(0.5)
    assert columns[112:].sum() == pytest.approx(0.5)


@pytest.mark.parametrize("rule", RULES)
def test_a_jet_at_the_end_of_the_barrel_has_an_empty_side(rule):
    energy = np.full(len(CRYSTAL_ETA), 1.0)
    images = draw_one(ImageSpecification(pixel_rule=rule), energy, CRYSTAL_ETA, CRYSTAL_PHI, 1.0, 1.479, 0.0)
    rows = images.dense(224)[0].sum(axis=1)
    assert (rows[:110] > 0).sum() > 50
    assert (rows[114:] == 0).all()


@pytest.mark.parametrize("rule", RULES)
def test_a_jet_without_crystals_has_an_empty_image_between_others(rule):
    specification = ImageSpecification(pixel_rule=rule)
    images = draw_jet_images(
        specification,
        [5.0, 5.0],
        [0.0, 0.0],
        [0.0, 2.5],
        [10.0, 10.0, 5.0],
        [0.0, 0.0, 0.0],
        [0.0, -1.5, 2.5],
    )
    assert (images.counts > 0).tolist() == [True, False, True]
    dense = images.dense(224)
    assert dense.sum(axis=(1, 2)) == pytest.approx([0.5, 0.0, 1.0])


@pytest.mark.parametrize("rule", RULES)
def test_no_jets_and_no_crystals_are_no_trouble(rule):
    specification = ImageSpecification(pixel_rule=rule)
    assert len(draw_jet_images(specification, [5.0], [0.0], [0.0], [], [], [])) == 0
    empty = draw_jet_images(specification, [], [], [], [10.0], [0.0], [0.0])
    assert empty.counts.tolist() == [0]
    assert empty.dense(224).shape == (1, 224, 224)


def test_the_threshold_is_on_energy_and_excludes_itself():
    eta = np.array([1.4, 0.0, 0.0])
    images = draw_one(NEAREST, [0.3, 0.25, 0.2500001], eta, [0.1, 0.2, 0.3], jet_eta=0.7)
    assert images.counts.tolist() == [2]


def test_crystals_that_are_no_number_or_negative_are_left_out():
    energy = [np.nan, np.inf, -5.0, 1.0, 1.0, 1.0]
    images = draw_one(NEAREST, energy, [0, 0, 0, np.nan, 0, 0], [0, 0, 0, 0, np.inf, 0])
    assert images.counts.tolist() == [1]


@pytest.mark.parametrize("jet", [(0.0, 0.0, 0.0), (-1.0, 0.0, 0.0), (np.nan, 0.0, 0.0), (1.0, np.nan, 0.0)])
def test_jets_that_cannot_be_normalised_or_placed_are_refused(jet):
    with pytest.raises(ValueError, match="cannot draw jets"):
        draw_one(NEAREST, [1.0], [0.0], [0.0], *jet)


def test_columns_of_different_length_are_refused():
    with pytest.raises(ValueError, match=r"energy \(2,\), eta \(1,\)"):
        draw_one(NEAREST, [1.0, 2.0], [0.0], [0.0])


def test_coarse_images_are_the_sums_of_fine_ones():
    random = np.random.default_rng(1)
    event = random.exponential(2.0, 200), random.normal(0, 0.3, 200), random.normal(0, 0.3, 200)
    for rule in RULES:
        fine = draw_one(ImageSpecification(pixel_rule=rule), *event).dense(224)[0]
        coarse = draw_one(ImageSpecification(pixel_rule=rule, pixels=56), *event).dense(56)[0]
        np.testing.assert_allclose(fine.reshape(56, 4, 56, 4).sum(axis=(1, 3)), coarse, rtol=1e-4, atol=1e-5)


def test_columns_of_any_float_type_and_read_only_ones_give_the_same_image():
    event = [np.array([5.0, 2.0]), np.array([0.1, 0.2]), np.array([0.3, 0.4])]
    expected = draw_one(NEAREST, *event)
    narrow = [column.astype(np.float32) for column in event]
    for column in narrow:
        column.flags.writeable = False
    assert draw_one(NEAREST, *narrow).index.tolist() == expected.index.tolist()
