"""Events that come twice: left out, told, or the end of the job; always counted."""

import pytest

from eventproc.errors import ConfigurationError, MismatchedInputFiles
from eventproc.io.merging.merge import merge_files
from eventproc.io.merging.merge_part import Part
from tests.eventproc.io.tracks import Numbers, Tracks, bind_all, event_id, make_source, read_all, write_file


@pytest.fixture
def files(tmp_path):
    """Events 0-119 and 100-219; and a file that holds 0-9 twice."""
    one, two, small = (
        write_file(tmp_path / name, n, first=first)
        for name, n, first in (("1.root", 120, 0), ("2.root", 120, 100), ("s.root", 10, 0))
    )
    merge_files([Part(str(small)), Part(str(small))], tmp_path / "twice.root")
    return one, two, tmp_path / "twice.root"


async def read(*files, **parameters):
    """Events handed out, and for each file how many came before."""
    source = make_source(*files, **parameters)
    try:
        bind_all(source, Tracks, Numbers)
        found = [event[0] for event in await read_all(source)]
        return found, [record.duplicates for record in source.input_files()]
    finally:
        source.close()


def ids(*numbers):
    return [event_id(n) for n in numbers]


async def test_unless_told_each_file_is_looked_at_by_itself(files):
    found, duplicates = await read(*files)
    assert found == ids(*range(120), *range(100, 220), *range(10))
    assert duplicates == [0, 0, 10]


async def test_events_of_earlier_files_are_left_out_when_all_files_are_compared(files, caplog):
    found, duplicates = await read(*files, duplicateCheckMode="checkAllFilesOpened")
    assert found == ids(*range(220))
    assert duplicates == [0, 20, 20]
    assert "20 events of input file" in caplog.text
    assert "the first is run: 1 lumi: 2 event: 10000000100: left out" in caplog.text


async def test_without_check_every_event_is_read(files):
    found, duplicates = await read(*files, duplicateCheckMode="noDuplicateCheck")
    assert (len(found), duplicates) == (260, [0, 0, 0])


async def test_events_that_come_again_can_be_told_and_processed(files, caplog):
    found, duplicates = await read(*files, duplicateCheckMode="checkAllFilesOpened", onDuplicate="warn")
    assert (len(found), duplicates) == (260, [0, 20, 20])
    assert "processed again" in caplog.text


async def test_an_event_that_comes_again_can_end_the_job(files):
    with pytest.raises(MismatchedInputFiles, match=r"20 events of input file '.*2\.root' came before"):
        await read(*files, duplicateCheckMode="checkAllFilesOpened", onDuplicate="fail")


async def test_skipped_events_are_counted_without_those_that_are_left_out(files):
    parameters = {"duplicateCheckMode": "checkAllFilesOpened", "skipEvents": 118}
    assert (await read(*files, **parameters))[0] == ids(*range(118, 220))


async def test_a_file_given_twice_is_a_mistake_unless_nobody_looks(files):
    with pytest.raises(ConfigurationError, match=r"1\.root' is given twice"):
        await read(files[0], files[0])
    assert len((await read(files[0], files[0], duplicateCheckMode="noDuplicateCheck"))[0]) == 240
