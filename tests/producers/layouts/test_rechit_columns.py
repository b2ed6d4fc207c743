import numpy as np
import pytest

from eventproc.errors import FileReadError
from eventproc.io.root.column import Column
from producers.datatypes import EcalRecHits
from producers.layouts.rechit_columns import convert, filled

SCHEMA = {c.name: c for c in EcalRecHits.schema()}


def column(*values, dtype):
    return Column(np.array([0, len(values)]), np.array(values, dtype))


def test_hits_without_flags_are_good():
    flags = filled(SCHEMA["flags"], np.array([0, 1, 3]))
    assert (flags.content.tolist(), flags.content.dtype) == ([1, 1, 1], np.uint32)


def test_hits_without_time_are_in_time():
    assert filled(SCHEMA["time"], np.array([0, 2])).content.tolist() == [0.0, 0.0]


def test_a_column_of_the_right_type_is_handed_on():
    whole = column(1, 2, dtype=np.uint32)
    assert convert(whole, SCHEMA["rawId"], "") is whole


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint64])
def test_integers_that_fit_are_converted(dtype):
    raw_id = convert(column(838861313, 838970216, dtype=dtype), SCHEMA["rawId"], "")
    assert (raw_id.content.tolist(), raw_id.content.dtype) == ([838861313, 838970216], np.uint32)


@pytest.mark.parametrize(
    ("value", "dtype"), [(-1, np.int32), (2**32, np.int64), (2**63, np.uint64), (1.0, np.float64)]
)
def test_numbers_that_do_not_fit_are_refused(value, dtype):
    with pytest.raises(
        FileReadError, match=r"branch 'x' holds .* that do not fit into uint32 of column 'rawId'"
    ):
        convert(column(value, dtype=dtype), SCHEMA["rawId"], "branch 'x'")


def test_energies_in_double_precision_are_rounded():
    energy = convert(column(0.1, np.nan, dtype=np.float64), SCHEMA["energy"], "")
    assert energy.content.dtype == np.float32
    assert energy.content[0] == np.float32(0.1)


def test_no_rows_convert_to_no_rows():
    assert len(convert(column(dtype=np.int64), SCHEMA["rawId"], "").content) == 0
