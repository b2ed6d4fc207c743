import numpy as np
import pytest

from producers.inference_records import InferenceRecordTable, suggested_timeout_s

WORDS = {
    "model": "toptag", "modelVersion": "1", "modelSha256": "ab", "imageSpecHash": "cd", "device": "cpu",
    "precision": "f32",
}  # fmt: skip
NUMBERS = (
    "attempts", "batchRows", "requestRows", "bytesSent", "buildUs", "queueUs", "wireUs", "serverQueueUs",
    "computeUs", "totalUs",
)  # fmt: skip


def records(servers, **numbers):
    n = len(servers)
    columns = {name: (word,) * n for name, word in WORDS.items()} | {"server": tuple(servers)}
    return columns | {name: np.array(numbers.get(name, [1] * n), np.uint32) for name in NUMBERS}


def by_server(table):
    return {
        server: {row[0].strip(): row[column] for row in table.rows}
        for column, server in enumerate(table.head)
        if column
    }


def test_each_server_has_its_rows_tries_and_times():
    table = InferenceRecordTable().summarise(
        records(
            ["http://b", "http://a", "http://b"],
            requestRows=[2, 5, 3],
            attempts=[1, 1, 2],
            totalUs=[10_000, 99_000, 30_000],
            computeUs=[4_000, 1_000, 6_000],
        )
    )
    found = by_server(table)
    assert list(found) == ["http://a", "http://b"]
    assert found["http://b"]["calls"] == "2"
    assert found["http://b"]["rows"] == "5"
    assert found["http://b"]["tries, mean and most"] == "1.50, 2"
    assert found["http://b"]["computing, median, ms"] == "5.0"
    assert found["http://b"]["time p50 / p95 / p99 / max, ms"].endswith(" / 30.0")
    assert found["http://a"]["model"] == "toptag 1"


def test_calls_without_an_answer_have_a_column_and_do_not_count_for_the_timeout():
    table = InferenceRecordTable().summarise(records(["http://a", ""], totalUs=[20_000, 60_000_000]))
    assert by_server(table)["nobody answered"]["calls"] == "1"
    assert table.notes[0] == "1 of 2 calls were not answered"
    assert table.notes[1].startswith("suggested timeout: 1 s")


def test_second_servers_asked_are_counted_and_files_from_before_hedging_are_read():
    hedged = records(["http://a", "http://b"]) | {"hedged": np.array([1, 0], np.uint8)}
    notes = InferenceRecordTable().summarise(hedged).notes
    assert notes[0] == "1 of 2 calls asked a second server because the first was late"
    assert len(InferenceRecordTable().summarise(records(["http://a"])).notes) == 1


@pytest.mark.parametrize(("servers", "note"), [([], "no calls"), (["", ""], "no call was answered")])
def test_without_an_answer_there_is_no_timeout_to_suggest(servers, note):
    assert InferenceRecordTable().summarise(records(servers)).notes == [note]


@pytest.mark.parametrize(
    ("slowest_ms", "timeout_s"),
    [
        (0.01, 1),
        (100, 1),
        (101, 2),
        (200, 2),
        (201, 5),
        (500, 5),
        (501, 10),
        (1000, 10),
        (1001, 20),
        (9000, 100),
    ],
)
def test_the_timeout_is_ten_times_the_99th_percentile_rounded_up(slowest_ms, timeout_s):
    assert suggested_timeout_s(np.full(50, slowest_ms * 1000)) == timeout_s


def test_one_slow_call_in_twenty_is_not_lost_by_the_timeout():
    times = np.full(100, 10_000)
    times[:5] = 300_000
    assert suggested_timeout_s(times) == 5


def test_the_timeout_is_no_less_than_the_slowest_call():
    times = np.full(10_000, 1_000)
    times[0] = 15_000_000
    assert suggested_timeout_s(times) == 20
