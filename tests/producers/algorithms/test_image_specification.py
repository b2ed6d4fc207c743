"""Tests of the image specification."""

import json
import tomllib

import pytest

from producers.algorithms.image_specification import ImageSpecification


def test_the_default_is_the_documented_image():
    assert ImageSpecification().to_dict() == {
        "version": 1,
        "pixels": 224,
        "window": 1.0,
        "pixel_rule": "nearest",
        "edge_rule": "lower",
        "phi_rule": "wrap",
        "normalisation": "jet_et",
        "minimum_energy": 0.25,
        "channels": ["ecal_et"],
    }


def test_a_specification_survives_json_and_toml():
    specification = ImageSpecification(pixels=112, pixel_rule="area", window=0.8)
    fields = specification.to_dict()
    assert ImageSpecification.from_dict(json.loads(json.dumps(fields))) == specification
    toml = "\n".join(f"{name} = {json.dumps(value)}" for name, value in fields.items())
    assert tomllib.loads(toml) == fields
    assert ImageSpecification.from_dict(tomllib.loads(toml)) == specification


def test_whole_numbers_are_taken_for_floats_and_give_the_same_value():
    fields = ImageSpecification().to_dict() | {"window": 1}
    assert ImageSpecification.from_dict(fields).to_dict() == ImageSpecification().to_dict()
    assert isinstance(ImageSpecification.from_dict(fields).window, float)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pixel_rule": "linear"}, "nearest, area"),
        ({"normalisation": "max"}, "jet_et, none"),
        ({"edge_rule": "upper"}, "lower"),
        ({"phi_rule": "cut"}, "wrap"),
        ({"channels": ["hcal"]}, "ecal_et"),
        ({"version": 2}, "version 1"),
        ({"pixels": 257}, "1 to 256"),
        ({"pixels": 0}, "1 to 256"),
        ({"window": 0.0}, "at most pi"),
        ({"window": 4.0}, "at most pi"),
        ({"window": float("nan")}, "at most pi"),
        ({"minimum_energy": -0.1}, "not negative"),
        ({"pixels": 22.4}, "must be int"),
        ({"pixels": True}, "must be int"),
        ({"window": "wide"}, "must be float"),
        ({"pixel_rul": "area"}, "did you mean 'pixel_rule'"),
        ({"zzz": 1}, "the fields are version"),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_what_can(change, message):
    with pytest.raises(ValueError, match=message):
        ImageSpecification.from_dict(ImageSpecification().to_dict() | change)


def test_a_missing_field_is_named():
    fields = ImageSpecification().to_dict()
    del fields["window"]
    with pytest.raises(ValueError, match="lacks window"):
        ImageSpecification.from_dict(fields)
