import errno
import multiprocessing
import os

import pytest

from eventproc.batch.errors import DamagedRecord
from eventproc.batch.record_files import claim_record, read_record, write_record
from eventproc.batch.records import KillRecord, Limits
from eventproc.errors import FileReadError, FileWriteError

FORK = multiprocessing.get_context("spawn")


def test_a_record_comes_back_and_can_be_replaced(tmp_path):
    path = tmp_path / "limits.json"
    assert read_record(path, Limits) is None
    for limits in (Limits(memory_mb=1), Limits(memory_mb=2)):
        write_record(path, limits)
        assert read_record(path, Limits) == limits
    assert [entry.name for entry in tmp_path.iterdir()] == ["limits.json"]


def test_who_reads_a_record_while_it_is_replaced_reads_the_older_one_whole(tmp_path):
    path = tmp_path / "limits.json"
    write_record(path, Limits(memory_mb=1))
    before = path.read_bytes()
    with path.open("rb") as reader:
        write_record(path, Limits(memory_mb=2))
        assert reader.read() == before


@pytest.mark.parametrize("content", [b"", b"{", b'{"memory": 3}', b'{"memory_mb": "x"}', b'{"\xe9": 1}'])
def test_damaged_and_foreign_records_are_refused(tmp_path, content):
    (tmp_path / "r.json").write_bytes(content)
    with pytest.raises(DamagedRecord, match=r"record .*r\.json' is damaged: "):
        read_record(tmp_path / "r.json", Limits)


def test_a_folder_that_is_not_there_is_a_write_error(tmp_path):
    with pytest.raises(FileWriteError, match="cannot be written"):
        write_record(tmp_path / "no" / "r.json", Limits())


def test_a_record_that_cannot_be_read_is_not_called_damaged(tmp_path):
    (tmp_path / "r.json").mkdir()
    with pytest.raises(FileReadError, match="cannot be read: Is a directory") as caught:
        read_record(tmp_path / "r.json", Limits)
    assert not isinstance(caught.value, DamagedRecord)


@pytest.fixture
def no_links(monkeypatch):
    def link(*_):
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", link)


def test_where_there_are_no_links_one_writer_wins_too(tmp_path, no_links):
    path = tmp_path / "r.json"
    assert claim_record(path, Limits(memory_mb=1))
    assert not claim_record(path, Limits(memory_mb=2))
    assert read_record(path, Limits) == Limits(memory_mb=1)
    assert [entry.name for entry in tmp_path.iterdir()] == ["r.json"]


def test_a_claim_that_a_full_disk_stops_half_way_can_be_made_again(tmp_path, no_links, monkeypatch):
    path = tmp_path / "r.json"
    sync, calls = os.fsync, []

    def full_at_the_second(descriptor):
        calls.append(descriptor)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", full_at_the_second)
    with pytest.raises(FileWriteError, match="No space left"):
        claim_record(path, Limits(memory_mb=1))
    assert not list(tmp_path.iterdir())
    assert claim_record(path, Limits(memory_mb=2))


def test_a_writer_of_the_same_host_and_process_number_does_not_touch_what_another_claimed(
    tmp_path, monkeypatch
):
    """Containers on one host may have both in common; the second begins while the first has just linked."""
    path = tmp_path / "r.json"
    link = os.link

    def link_and_meet_another(source, target):
        monkeypatch.setattr(os, "link", link)
        link(source, target)
        assert not claim_record(path, Limits(memory_mb=2))

    monkeypatch.setattr(os, "link", link_and_meet_another)
    assert claim_record(path, Limits(memory_mb=1))
    assert read_record(path, Limits) == Limits(memory_mb=1)


def claim_many(folder, who, results):
    results.put((who, [n for n in range(200) if claim_record(folder / f"{n}.json", KillRecord(who, "now"))]))


def test_of_several_processes_exactly_one_wins_each_claim(tmp_path):
    results = FORK.Queue()
    processes = [FORK.Process(target=claim_many, args=(tmp_path, who, results)) for who in (1, 2)]
    for process in processes:
        process.start()
    won = dict(results.get(timeout=60) for _ in processes)
    for process in processes:
        process.join(60)
    assert sorted(won[1] + won[2]) == list(range(200))
    for who, numbers in won.items():
        assert all(read_record(tmp_path / f"{n}.json", KillRecord).attempt == who for n in numbers)
