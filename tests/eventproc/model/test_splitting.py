from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventproc.errors import ConfigurationError
from eventproc.model.ranges import EntryRange, lumi_mask
from eventproc.model.splitting import (
    DatasetFile,
    LumiSpan,
    identical_jobs,
    split_by_event_aware_lumis,
    split_by_events,
    split_by_files,
    split_by_lumis,
)

RUNS, LUMIS = (1, 2), (1, 2, 3, 4)


@st.composite
def datasets(draw):
    """Files whose luminosity blocks come in any order, also again, also in several files."""
    files = []
    for index in range(draw(st.integers(0, 5))):
        lumis = draw(st.lists(st.tuples(st.sampled_from(RUNS), st.sampled_from(LUMIS)), max_size=6))
        edges = [0]
        for _ in lumis:
            edges.append(edges[-1] + draw(st.integers(1, 9)))
        spans = tuple(LumiSpan(lumi, a, b) for lumi, (a, b) in zip(lumis, pairwise(edges), strict=True))
        part = draw(st.sampled_from([EntryRange(), EntryRange(0, 4), EntryRange(2, 11)]))
        files.append(DatasetFile(f"{index}.root", part, spans))
    return files


MASKS = st.none() | st.sets(st.tuples(st.sampled_from(RUNS), st.sampled_from(LUMIS))).map(lumi_mask)
SPLITTERS = st.sampled_from([split_by_files, split_by_events, split_by_lumis, split_by_event_aware_lumis])


def events(files, mask):
    """What a source would hand out: (file, entry) of each event, in order."""
    for file in files:
        start, stop = file.entries.clipped(file.spans[-1].stop if file.spans else 0)
        for entry in range(start, stop):
            (lumi,) = [span.lumi for span in file.spans if span.start <= entry < span.stop]
            if mask is None or mask.contains(*lumi):
                yield file.name, entry


@given(SPLITTERS, datasets(), st.integers(1, 20), MASKS)
def test_every_event_is_in_exactly_one_job(split, files, per_job, mask):
    found = Counter(event for job in split(files, per_job, mask) for event in events(job.files, job.lumis))
    assert found == Counter(events(files, mask))
    assert set(found.values()) <= {1}


@given(SPLITTERS, datasets(), st.integers(1, 20), MASKS)
def test_every_job_knows_how_many_events_it_has(split, files, per_job, mask):
    for job in split(files, per_job, mask):
        assert job.events == len(list(events(job.files, job.lumis)))


@given(datasets(), st.integers(1, 20), MASKS)
def test_jobs_by_events_are_full_but_for_the_last_and_keep_the_order(files, per_job, mask):
    jobs = split_by_events(files, per_job, mask)
    assert all(job.events == per_job for job in jobs[:-1])
    assert [e for job in jobs for e in events(job.files, job.lumis)] == list(events(files, mask))


@given(datasets(), st.integers(1, 4), MASKS)
def test_a_luminosity_block_is_never_torn(files, per_job, mask):
    for split in (split_by_lumis, split_by_event_aware_lumis):
        seen = Counter(
            lumi
            for job in split(files, per_job, mask)
            for lumi in {x for f in job.files for x, _ in f.lumis() if job.lumis.contains(*x)}
        )
        assert set(seen.values()) <= {1}


@given(datasets(), st.integers(1, 30))
def test_event_aware_jobs_are_too_large_only_if_one_block_is(files, per_job):
    for job in split_by_event_aware_lumis(files, per_job):
        lumis = {x for f in job.files for x, _ in f.lumis() if job.lumis.contains(*x)}
        assert job.events <= per_job or len(lumis) == 1


def test_event_aware_jobs_take_blocks_until_they_are_full():
    file = DatasetFile("a.root", EntryRange(), tuple(LumiSpan((1, n), 50 * n, 50 * n + 50) for n in range(5)))
    assert [job.events for job in split_by_event_aware_lumis([file], 100)] == [100, 100, 50]


def test_files_need_not_be_looked_into_to_be_split_by_files():
    files = [DatasetFile(f"root://site//{n}.root") for n in range(5)]
    jobs = split_by_files(files, 2)
    assert [[f.name for f in job.files] for job in jobs] == [
        ["root://site//0.root", "root://site//1.root"],
        ["root://site//2.root", "root://site//3.root"],
        ["root://site//4.root"],
    ]
    assert [job.events for job in jobs] == [None] * 3


@pytest.mark.parametrize("split", [split_by_events, split_by_lumis, split_by_event_aware_lumis])
def test_other_splittings_say_that_they_must_look_into_files(split):
    with pytest.raises(ConfigurationError, match=r"'a\.root' was not looked into.*--files-per-job"):
        split([DatasetFile("a.root")], 10)


@pytest.mark.parametrize("split", [split_by_files, split_by_events, split_by_lumis, identical_jobs])
def test_jobs_of_nothing_are_refused(split):
    with pytest.raises(ConfigurationError, match="give one or more"):
        split([], 0)


def test_identical_jobs_all_read_everything():
    files = [DatasetFile("a.root", EntryRange(), (LumiSpan((1, 1), 0, 10),))]
    assert [job.events for job in identical_jobs(files, 3)] == [10, 10, 10]
