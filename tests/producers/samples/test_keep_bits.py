import numpy as np

from producers.samples.fast_simulation import keep_bits


def test_values_keep_so_many_significant_bits():
    values = np.array([1.0, 1000.3, -0.1234567, 0.0, 5e-3])
    kept = keep_bits(values, 10)
    assert np.all(np.abs(kept - values) <= np.abs(values) * 2.0**-10)
    mantissas = np.frexp(kept)[0] * 2**10
    assert np.array_equal(mantissas, np.round(mantissas))
