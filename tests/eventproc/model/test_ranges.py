import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventproc.errors import ConfigurationError
from eventproc.model.ranges import EntryRange, LumiMask, lumi_mask

LUMIS = st.sets(st.tuples(st.integers(1, 3), st.integers(1, 30)))


def blocks(mask):
    return {(run, lumi) for run, parts in mask.runs.items() for a, b in parts for lumi in range(a, b + 1)}


@given(LUMIS)
def test_a_mask_contains_what_it_was_made_of_and_nothing_else(lumis):
    mask = lumi_mask(lumis)
    assert blocks(mask) == lumis
    assert {(r, n) for r in range(5) for n in range(33) if mask.contains(r, n)} == lumis


@given(LUMIS)
def test_a_mask_survives_both_of_its_written_forms(lumis):
    mask = lumi_mask(lumis)
    assert LumiMask.from_json(mask.to_json()) == mask
    assert LumiMask.parse(mask.ranges()) == mask


@given(LUMIS, LUMIS)
def test_what_is_left_of_a_mask_is_the_difference_of_the_sets(one, other):
    assert blocks(lumi_mask(one).without(lumi_mask(other))) == one - other


def test_a_golden_json_is_read_with_both_ends_included():
    mask = LumiMask.from_json({"297050": [[12, 137], [193, 776]]})
    assert [mask.contains(297050, lumi) for lumi in (11, 12, 137, 138, 192, 193, 776, 777)] == [
        False, True, True, False, False, True, True, False,
    ]  # fmt: skip
    assert not mask.contains(297051, 12)


@pytest.mark.parametrize("document", [[], {"x": [[1, 2]]}, {"1": [[2, 1]]}, {"1": [1, 2]}, {"1": [[1]]}])
def test_what_is_no_mask_is_refused_with_an_example(document):
    with pytest.raises(ConfigurationError, match=r"297050|\[\]") as caught:
        LumiMask.from_json(document or None)
    assert "a lumi mask looks like" in str(caught.value)


@pytest.mark.parametrize("text", ["1", "1:2-2:3", "1:5-1:4", "1:2-3", "a:1"])
def test_what_is_no_range_of_lumis_is_refused(text):
    with pytest.raises(ConfigurationError, match="no range of luminosity blocks"):
        LumiMask.parse([text])


@given(st.integers(0, 50), st.integers(1, 50))
def test_a_range_of_entries_survives_its_written_form(start, length):
    entries = EntryRange(start, start + length)
    assert EntryRange.parse(str(entries)) == entries


def test_an_empty_text_is_the_whole_file_and_ranges_end_with_the_file():
    assert EntryRange.parse("") == EntryRange()
    assert EntryRange().clipped(7) == (0, 7)
    assert EntryRange.parse("3-9").clipped(7) == (3, 7)
    assert EntryRange.parse("9-12").clipped(7) == (7, 7)


@pytest.mark.parametrize("text", ["5", "5-4", "a-b", "1-2-3", "-1-2"])
def test_what_is_no_range_of_entries_is_refused(text):
    with pytest.raises(ConfigurationError, match="no range of entries"):
        EntryRange.parse(text)
