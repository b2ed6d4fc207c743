"""What every backend must do; a backend's test inherits it and says how the backend is made."""

import threading

import numpy as np
import pytest

from accelerator_server.backends.base import Backend, BackendSettings
from accelerator_server.backends.table import load_backend
from accelerator_server.errors import ConfigurationError
from accelerator_server.model_spec import ModelSpec, TensorSpec

SPEC = ModelSpec((TensorSpec("x", "FP32", (4,)),), (TensorSpec("y", "FP32", (2,)),), max_rows=8)


class BackendConformance:
    """Subclasses set `name`, and `model` and `parameters` where the backend needs them."""

    name = ""
    model = b""
    parameters: dict = {}
    precision = "f32"

    def settings(self, **changes) -> BackendSettings:
        fields = {
            "model": self.model,
            "spec": SPEC,
            "precision": self.precision,
            "parameters": self.parameters,
        }
        return BackendSettings(**{**fields, **changes})

    @pytest.fixture
    def backend(self):
        backend = load_backend(self.name, self.settings())
        yield backend
        backend.close()

    def rows(self, n: int) -> np.ndarray:
        return np.random.default_rng(n).random((n, 4), np.float32)

    @pytest.mark.parametrize("n", [1, 2, 3, 8])
    def test_as_many_rows_come_out_as_went_in(self, backend: Backend, n):
        outputs = backend.run({"x": self.rows(n)})
        assert set(outputs) == {"y"}
        SPEC.check_outputs(outputs, n)

    def test_a_row_means_the_same_alone_and_in_company(self, backend: Backend):
        rows = self.rows(8)
        together = backend.run({"x": rows})["y"]
        alone = np.concatenate([backend.run({"x": rows[k : k + 1].copy()})["y"] for k in range(8)])
        np.testing.assert_allclose(together, alone, rtol=1e-5)

    def test_rows_with_the_same_batch_shape_have_the_same_bits_at_any_place(self, backend: Backend):
        rows = self.rows(8)
        order = np.random.default_rng(0).permutation(8)
        np.testing.assert_array_equal(
            backend.run({"x": rows[order]})["y"], backend.run({"x": rows})["y"][order]
        )

    def test_outputs_stay_as_they_are_when_the_next_batch_runs(self, backend: Backend):
        first = backend.run({"x": self.rows(3)})["y"]
        kept = first.copy()
        backend.run({"x": np.zeros((3, 4), np.float32)})
        np.testing.assert_array_equal(first, kept)

    def test_inputs_stay_as_they_are(self, backend: Backend):
        rows = self.rows(5)
        kept = rows.copy()
        outputs = backend.run({"x": rows})
        outputs["y"][...] = -1
        np.testing.assert_array_equal(rows, kept)

    def test_nan_stays_in_its_row(self, backend: Backend):
        rows = self.rows(4)
        clean = backend.run({"x": rows})["y"].copy()
        rows[2] = np.nan
        found = backend.run({"x": rows})["y"]
        assert np.isnan(found[2]).all()
        np.testing.assert_allclose(np.delete(found, 2, 0), np.delete(clean, 2, 0), rtol=1e-6)

    def test_it_can_be_run_from_as_many_threads_as_it_wants_batches_in_flight(self, backend: Backend):
        rows = self.rows(4)
        expected = backend.run({"x": rows})["y"].copy()
        found: list[np.ndarray] = []
        threads = [
            threading.Thread(target=lambda: found.append(backend.run({"x": rows})["y"]))
            for _ in range(backend.depth)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert len(found) == backend.depth
        for one in found:
            np.testing.assert_array_equal(one, expected)

    def test_it_says_where_and_how_it_computes(self, backend: Backend):
        assert backend.device
        assert backend.precision == self.precision
        assert backend.depth >= 1

    def test_an_unknown_precision_is_refused_with_the_known_ones(self):
        with pytest.raises(ConfigurationError, match="no precision 'f31'; it has f32"):
            load_backend(self.name, self.settings(precision="f31"))

    def test_an_unknown_parameter_is_refused_by_name(self):
        with pytest.raises(ConfigurationError, match="paramter"):
            load_backend(self.name, self.settings(parameters={**self.parameters, "paramter": 1}))
