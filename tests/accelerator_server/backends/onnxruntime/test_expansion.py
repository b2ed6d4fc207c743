"""What a device makes of compact rows has the bits of what the host makes of them."""

import numpy as np
import pytest

from accelerator_server.backends.compact import LitRows, ScaledRows
from accelerator_server.backends.onnxruntime.expansion import Expansion
from accelerator_server.backends.onnxruntime.session import CPU, CUDA
from accelerator_server.backends.table import load_backend
from tests.accelerator_server.backends.onnxruntime.showing_model import (
    INPUTS,
    SPEC,
    random_rows,
    showing_settings,
)


@pytest.fixture(
    scope="module",
    params=[(CPU,), pytest.param((CUDA, CPU), marks=pytest.mark.requires("gpu"))],
    ids=["cpu", "cuda"],
)
def expansion(request) -> Expansion:
    return Expansion(SPEC, request.param)


@pytest.mark.parametrize("n_rows", range(1, 9))
@pytest.mark.parametrize("spec", INPUTS, ids=lambda spec: spec.datatype)
def test_lit_elements_are_where_they_belong_and_all_others_zero(expansion, spec, n_rows):
    generator = np.random.default_rng(n_rows)
    expected = random_rows(n_rows)[spec.name].reshape(-1)
    lit = generator.permutation(expected.size)[: expected.size // 3 + 1]
    rows = expansion.expand(spec.name, LitRows(lit, expected[lit]), n_rows).numpy()
    expected[np.setdiff1d(np.arange(expected.size), lit)] = 0
    assert (rows.shape, rows.dtype) == ((n_rows, *spec.row_shape), spec.dtype)
    assert rows.tobytes() == expected.tobytes()


@pytest.mark.parametrize("n_rows", range(1, 9))
def test_scaled_steps_have_the_bits_of_numpy(expansion, n_rows):
    generator = np.random.default_rng(n_rows)
    steps = generator.integers(0, 256, (n_rows, 1, 3, 4)).astype(np.uint8)
    scales = generator.random((n_rows, 1, 1, 1), np.float32)
    rows = expansion.expand("images", ScaledRows(steps, scales), n_rows).numpy()
    assert rows.tobytes() == (steps.astype(np.float32) * scales).tobytes()


def test_what_was_expanded_before_leaves_nothing_behind(expansion):
    whole = np.arange(12)
    first = expansion.expand("images", LitRows(whole, np.ones(12, np.float32)), 1)
    second = expansion.expand("images", LitRows(whole[5:6], np.full(1, 7, np.float32)), 1).numpy()
    assert second.reshape(-1).tolist() == [0] * 5 + [7] + [0] * 6
    assert first.numpy().all()


def test_a_backend_runs_inputs_of_all_forms_together():
    backend = load_backend("onnxruntime", showing_settings(scatter_on_device=True))
    inputs = {**random_rows(2), "flags": LitRows(np.array([4, 0]), np.array([True, True]))}
    inputs["images"] = ScaledRows(
        np.full((2, 1, 3, 4), 3, np.uint8), np.array([0.5, 2], np.float32).reshape(2, 1, 1, 1)
    )
    found = backend.run_compact(inputs, 2)
    assert found["same_images"].reshape(2, -1).tolist() == [[1.5] * 12, [6] * 12]
    assert found["same_flags"].tolist() == [[True, False, False], [False, True, False]]
    np.testing.assert_array_equal(found["same_halves"], inputs["halves"])
    np.testing.assert_array_equal(found["same_numbers"], inputs["numbers"])
