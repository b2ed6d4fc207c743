"""What every backend must do that loads a model from an ONNX file."""

import numpy as np
import pytest

from accelerator_server.backends.table import load_backend
from accelerator_server.errors import ModelRefusedError
from accelerator_server.model_spec import ModelSpec, TensorSpec
from tests.accelerator_server.backends.conformance import BackendConformance
from tests.accelerator_server.model_files import affine_model


class EngineConformance(BackendConformance):
    """The conformance of all backends, and that of the file."""

    model = affine_model()

    def test_it_computes_what_the_model_says(self, backend):
        rows = self.rows(3)
        weights = np.add.outer(np.arange(4), np.arange(2) / 2)
        np.testing.assert_allclose(backend.run({"x": rows})["y"], rows @ weights + [0, 1], rtol=1e-5)

    @pytest.mark.parametrize(
        ("x", "y"),
        [
            (TensorSpec("z", "FP32", (4,)), TensorSpec("y", "FP32", (2,))),
            (TensorSpec("x", "FP32", (5,)), TensorSpec("y", "FP32", (2,))),
            (TensorSpec("x", "FP64", (4,)), TensorSpec("y", "FP32", (2,))),
            (TensorSpec("x", "FP32", (4,)), TensorSpec("y", "FP32", (3,))),
            (TensorSpec("x", "FP32", (4,)), TensorSpec("y", "FP32", (2, 1))),
        ],
        ids=["name", "size", "datatype", "output size", "output rank"],
    )
    def test_a_model_with_another_signature_is_refused_with_both(self, x, y):
        with pytest.raises(ModelRefusedError, match=r"the model's file has .*FP32.*model\.toml says"):
            load_backend(self.name, self.settings(spec=ModelSpec((x,), (y,), 8)))

    @pytest.mark.parametrize("cut", [0, 1, 20, -10])
    def test_a_damaged_file_is_refused(self, cut):
        with pytest.raises(ModelRefusedError):
            load_backend(self.name, self.settings(model=self.model[:cut]))
