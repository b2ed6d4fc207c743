"""What a caller expects of a model against what a server has."""

import pytest

from inference_client.errors import ModelMismatchError
from inference_client.signature import ModelExpectation, TensorSignature, check_model
from tests.inference_client.images import ROW_SHAPE, small_model

IMAGE = TensorSignature("image", "FP32", ROW_SHAPE)
SCORES = TensorSignature("scores", "FP32", (2,))
SPECIFICATION = {"pixels": [8, 8], "rule": "nearest"}
MODEL = small_model(image_spec=SPECIFICATION).metadata


def check(model=MODEL, **expected) -> None:
    check_model(ModelExpectation(**expected), model, "http://a:1")


def test_a_model_that_has_all_that_is_expected_passes():
    check(inputs=[IMAGE], outputs=[SCORES], image_spec=SPECIFICATION, sha256="0" * 64)


def test_nothing_expected_is_nothing_checked():
    check()


def test_a_free_axis_fits_any_size():
    check(inputs=[TensorSignature("image", "FP32", (1, -1, 8))])


@pytest.mark.parametrize(
    ("expected", "complaint"),
    [
        ({"inputs": [IMAGE._replace(name="img")]}, "no input 'img', the nearest is 'image'"),
        ({"inputs": [IMAGE._replace(datatype="FP16")]}, "is FP32 with rows .* expected FP16"),
        ({"inputs": [IMAGE._replace(row_shape=(1, 224, 224))]}, r"expected FP32 with rows \[1, 224, 224\]"),
        ({"outputs": [SCORES._replace(row_shape=(3,))]}, r"output 'scores' .* expected FP32 with rows \[3\]"),
        ({"sha256": "1" * 64}, "sha256 0000.*, expected 1111"),
        ({"image_spec": SPECIFICATION | {"rule": "area"}}, "rule is 'nearest' in training and 'area' here"),
        ({"image_spec": SPECIFICATION | {"flip": True}}, "flip is None in training and True here"),
    ],
)
def test_a_difference_is_named(expected, complaint):
    with pytest.raises(ModelMismatchError, match=complaint):
        check(**expected)


def test_an_input_that_the_caller_does_not_send_is_named():
    model = small_model().metadata
    model.inputs = [*model.inputs, type(model.inputs[0])("mask", "BOOL", [-1])]
    with pytest.raises(ModelMismatchError, match="it also wants input 'mask'"):
        check(model, inputs=[IMAGE])


def test_a_model_without_a_specification_does_not_pass_for_one_with_it():
    with pytest.raises(ModelMismatchError, match="announces no image specification"):
        check(small_model().metadata, image_spec=SPECIFICATION)


def test_all_differences_are_told_at_once():
    with pytest.raises(ModelMismatchError, match=r"img.*sha256"):
        check(inputs=[IMAGE._replace(name="img")], sha256="1")
