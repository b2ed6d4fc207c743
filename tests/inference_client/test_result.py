"""One record for a request that travelled in several bodies."""

from inference_client.result import CallRecord, merged_record


def test_texts_that_differ_are_joined_sizes_added_and_times_the_longest():
    one = CallRecord(request_id="r-1", server="http://a:1", device="cpu", attempts=1, request_rows=3,
                     bytes_sent=10, total_us=5, batch_rows=8)  # fmt: skip
    other = CallRecord(request_id="r-2", server="http://b:1", device="cpu", attempts=2, request_rows=4,
                       bytes_sent=20, total_us=7, batch_rows=4)  # fmt: skip
    merged = merged_record([one, other])
    assert merged == CallRecord(
        request_id="r-1,r-2", server="http://a:1,http://b:1", device="cpu", attempts=2, request_rows=7,
        bytes_sent=30, total_us=7, batch_rows=8,
    )  # fmt: skip


def test_one_record_stays_as_it_is():
    record = CallRecord(request_id="r-1", server="http://a:1", request_rows=3)
    assert merged_record([record]) == record
