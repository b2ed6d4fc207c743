import multiprocessing

import pytest

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


@pytest.mark.parametrize("content", [b"", b"{", b'{"memory": 3}', b'{"memory_mb": "x"}', b'{"\xe9": 1}'])
def test_damaged_and_foreign_records_are_refused(tmp_path, content):
    (tmp_path / "r.json").write_bytes(content)
    with pytest.raises(FileReadError, match=r"record .*r\.json' cannot be read"):
        read_record(tmp_path / "r.json", Limits)


def test_a_folder_that_is_not_there_is_a_write_error(tmp_path):
    with pytest.raises(FileWriteError, match="cannot be written"):
        write_record(tmp_path / "no" / "r.json", Limits())


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
