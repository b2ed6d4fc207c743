"""An emulated device: another backend's values, at a stated pace."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelerator_server.backends.emulated import EmulatedBackend, EntryPort
from accelerator_server.backends.table import load_backend
from accelerator_server.errors import ConfigurationError
from tests.accelerator_server.backends.conformance import BackendConformance
from tests.accelerator_server.model_files import affine_model


class TestEmulated(BackendConformance):
    name = "emulated"
    parameters = {"service_time_s": 0.001, "pipeline_depth": 4}


class TestEmulatedWithValues(BackendConformance):
    name = "emulated"
    model = affine_model()
    parameters = {"inner": "openvino", "pipeline_depth": 3, "rows_per_s": 1e5}

    def test_the_values_are_those_of_the_inner_backend(self, backend):
        inner = load_backend("openvino", self.settings(parameters={}))
        rows = self.rows(4)
        np.testing.assert_array_equal(backend.run({"x": rows})["y"], inner.run({"x": rows})["y"])
        assert backend.device == "emulated:cpu"
        inner.close()

    def test_it_waits_for_what_the_inner_backend_left_of_the_service_time(self):
        now_s = iter([10.0, 10.25])
        slept_s = []
        parameters = {"service_time_s": 1.0, "rows_per_s": 4.0}
        backend = EmulatedBackend(
            self.settings(parameters=parameters), clock=lambda: next(now_s), sleep=slept_s.append
        )
        backend.run({"x": self.rows(2)})
        assert slept_s == [pytest.approx(0.5 + 1.0 - 0.25)]

    def test_an_emulated_device_inside_another_is_refused(self):
        with pytest.raises(ConfigurationError, match="inside"):
            load_backend("emulated", self.settings(parameters={"inner": "emulated"}))


def test_batches_enter_one_after_another_and_overlap_inside():
    port = EntryPort(service_time_s=1.0, rows_per_s=10.0)
    assert [port.enter(5, now_s=0.0) for _ in range(3)] == [1.5, 2.0, 2.5]
    assert port.enter(5, now_s=100.0) == 101.5


@given(
    st.lists(st.tuples(st.integers(1, 64), st.floats(0, 1)), min_size=1), st.floats(0, 2), st.floats(1, 1000)
)
def test_no_more_rows_enter_than_the_rate_allows(batches, service_time_s, rows_per_s):
    port = EntryPort(service_time_s, rows_per_s)
    now_s = 0.0
    for n_rows, gap_s in batches:
        now_s += gap_s
        last_s = port.enter(n_rows, now_s)
        assert last_s >= now_s + n_rows / rows_per_s + service_time_s - 1e-6
    total = sum(n_rows for n_rows, _ in batches)
    assert last_s >= total / rows_per_s - 1e-6
