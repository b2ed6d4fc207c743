"""What an inference module records of its calls."""

import numpy as np

from inference_client.result import CallRecord
from producers.inference_producer import inference_record


def test_each_figure_of_a_call_is_in_its_column():
    call = CallRecord(
        server="http://a:1", device="cpu", precision="f32", model_name="m", model_version="2",
        model_sha256="s", image_spec_hash="h", attempts=3, hedged=1, batch_rows=40, request_rows=5,
        bytes_sent=600, build_us=7, queue_us=80, retry_us=900, wire_us=11, server_queue_us=12, compute_us=13,
        total_us=1400,
    )  # fmt: skip
    record = inference_record(call, build_us=1000)
    texts = {
        "model": "m", "modelVersion": "2", "modelSha256": "s", "imageSpecHash": "h", "server": "http://a:1",
        "device": "cpu", "precision": "f32",
    }  # fmt: skip
    numbers = {
        "attempts": 3, "hedged": 1, "batchRows": 40, "requestRows": 5, "bytesSent": 600, "buildUs": 1007,
        "queueUs": 980, "wireUs": 11, "serverQueueUs": 12, "computeUs": 13, "totalUs": 1400,
    }  # fmt: skip
    assert {name: getattr(record, name) for name in texts} == {n: (text,) for n, text in texts.items()}
    assert {name: getattr(record, name).tolist() for name in numbers} == {n: [v] for n, v in numbers.items()}


def test_a_number_too_large_for_its_column_is_the_largest_that_it_holds():
    record = inference_record(CallRecord(attempts=300, total_us=2**40), build_us=0)
    assert record.attempts.tolist() == [255]
    assert record.totalUs.tolist() == [np.iinfo(np.uint32).max]
