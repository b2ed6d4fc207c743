"""The null backend."""

import numpy as np
import pytest

from accelerator_server.backends.base import BackendSettings
from accelerator_server.backends.table import load_backend
from accelerator_server.errors import ConfigurationError
from accelerator_server.model_spec import ModelSpec, TensorSpec
from tests.accelerator_server.backends.conformance import BackendConformance


class TestEcho(BackendConformance):
    name = "echo"

    def test_it_answers_the_leading_elements_of_each_row(self, backend):
        rows = self.rows(3)
        np.testing.assert_array_equal(backend.run({"x": rows})["y"], rows[:, :2])

    @pytest.mark.parametrize(
        "outputs",
        [
            (),
            (TensorSpec("y", "FP32", (5,)),),
            (TensorSpec("y", "FP64", (2,)),),
            (TensorSpec("y", "FP32", (1,)), TensorSpec("z", "FP32", (1,))),
        ],
        ids=["none", "larger", "other datatype", "too many"],
    )
    def test_outputs_that_inputs_cannot_fill_are_refused(self, outputs):
        spec = ModelSpec((TensorSpec("x", "FP32", (4,)),), outputs, 8)
        with pytest.raises(ConfigurationError, match="as many outputs as inputs"):
            load_backend("echo", BackendSettings(b"", spec))
