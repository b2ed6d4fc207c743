"""How far answers differ: bits, numbers, and values that are no numbers."""

import math

import numpy as np
import pytest

from inference_client.agreement import Agreement, compare_outputs


def scores(*rows):
    return {"scores": np.array(rows, np.float32)}


def test_equal_answers_agree_to_the_bit():
    assert compare_outputs(scores([1, 2], [3, 4]), scores([1, 2], [3, 4])) == Agreement(2, 2, 0.0)


def test_the_largest_difference_is_told_and_rows_that_differ_are_counted():
    found = compare_outputs(scores([1, 2], [3, 4]), scores([1, 2], [3, 4.5]))
    assert found == Agreement(2, 1, 0.5)


@pytest.mark.parametrize("odd", [math.nan, math.inf])
def test_what_is_no_number_agrees_with_itself_only(odd):
    assert compare_outputs(scores([odd]), scores([odd])).largest == 0.0
    assert compare_outputs(scores([odd]), scores([1.0])).largest == math.inf


def test_another_shape_or_a_missing_output_differs_infinitely():
    assert compare_outputs(scores([1, 2]), scores([1])).largest == math.inf
    assert compare_outputs(scores([1, 2]), {"other": np.zeros(1)}).largest == math.inf


def test_whole_numbers_are_compared_without_overflow():
    one, other = {"n": np.array([[0]], np.uint8)}, {"n": np.array([[255]], np.uint8)}
    assert compare_outputs(one, other).largest == 255.0


def test_comparisons_add_up():
    assert Agreement(2, 1, 0.5) + Agreement(3, 3, 0.25) == Agreement(5, 4, 0.5)


def test_no_rows_agree():
    assert compare_outputs({"s": np.zeros((0, 2))}, {"s": np.zeros((0, 2))}) == Agreement(0, 0, 0.0)
