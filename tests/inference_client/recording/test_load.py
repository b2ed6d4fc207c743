"""A recorded load sent again: at which times, how fast it was answered, and whether the answers agree."""

import asyncio
import math

import numpy as np
import pytest

from inference_client.errors import (
    BadReply,
    ConnectionLost,
    RecordingError,
    RequestMismatchError,
    UnknownModelError,
)
from inference_client.recording.load import LoadReplay, Pace
from inference_client.recording.recorder import Recorder
from inference_client.recording.recording import Recording
from inference_client.testing.fake_model import row_sums
from inference_client.testing.memory_transport import MemoryTransport
from tests.inference_client.images import small_model
from tests.inference_client.recording.recordings import call, write
from tests.inference_client.virtual_time import run_in_virtual_time


def recorded_load(path, gaps_s, latency_s=0.2):
    """A recording of one-row requests, so many seconds after each other."""
    model = small_model()
    now_s = 0.0
    with Recorder(path) as recorder:
        recorder._now_us = lambda: round(now_s * 1e6)
        for k, gap_s in enumerate(gaps_s):
            now_s += gap_s
            asked = call(float(k + 1))
            number = recorder.request("http://a:1", asked)
            now_s += latency_s
            recorder.reply(number, model.answer(asked.request, "fake"))
            now_s -= latency_s
    return path


def replayed(path, transport, speed=1.0, **pace):
    async def run():
        with Recording(path) as recording:
            return await LoadReplay(recording, [transport], Pace(speed, **pace)).run()

    return run_in_virtual_time(run())


class Watch(MemoryTransport):
    """Notes when it was asked."""

    def __init__(self, model, delay_s=0.0):
        super().__init__(model, delay_s=delay_s)
        self.asked_s = []

    async def infer(self, call, timeout_s):
        self.asked_s.append(asyncio.get_running_loop().time())
        return await super().infer(call, timeout_s)


@pytest.fixture
def path(tmp_path):
    return recorded_load(tmp_path / "a.rec", [1.0, 2.0, 4.0])


@pytest.mark.parametrize(("speed", "times_s"), [(1.0, [0, 2, 6]), (2.0, [0, 1, 3]), (0.5, [0, 4, 12])])
def test_requests_go_at_their_times_divided_by_the_speed(path, speed, times_s):
    async def run():
        watch = Watch(small_model())
        with Recording(path) as recording:
            report = await LoadReplay(recording, [watch], Pace(speed)).run()
        return watch, report

    watch, report = run_in_virtual_time(run())
    assert [t - watch.asked_s[0] for t in watch.asked_s] == pytest.approx(times_s, abs=1e-3)
    assert report.latest_s == pytest.approx(0.0, abs=1e-3)
    assert report.span_s == pytest.approx(times_s[-1], abs=1e-3)


def test_without_a_speed_as_many_as_allowed_are_under_way(path):
    async def run():
        watch = Watch(small_model(), delay_s=1.0)
        with Recording(path) as recording:
            await LoadReplay(recording, [watch], Pace(0.0, max_in_flight=2)).run()
        return watch

    watch = run_in_virtual_time(run())
    assert watch.most_in_flight == 2
    assert watch.asked_s[2] - watch.asked_s[0] == pytest.approx(1.0, abs=1e-3)


def test_a_server_that_is_too_slow_for_the_load_makes_it_late_and_that_is_told(path):
    async def run():
        with Recording(path) as recording:
            transport = MemoryTransport(small_model(), delay_s=3.0)
            return await LoadReplay(recording, [transport], Pace(1.0, max_in_flight=1)).run()

    assert run_in_virtual_time(run()).latest_s == pytest.approx(1.0, abs=1e-3)


def test_latencies_then_and_now_are_reported(path):
    async def run():
        with Recording(path) as recording:
            return await LoadReplay(recording, [MemoryTransport(small_model(), delay_s=0.5)], Pace()).run()

    report = run_in_virtual_time(run())
    assert report.recorded_latency.p50_s == pytest.approx(0.2, rel=0.06)
    assert report.latency.p99_s == pytest.approx(0.5, rel=0.06)
    assert report.recorded_span_s == pytest.approx(6.2)
    assert (report.requests, report.rows, report.answered) == (3, 3, 3)


def run_against(path, model, failures=(), **pace):
    async def run():
        transport = MemoryTransport(model)
        transport.failures.extend(failures)
        with Recording(path) as recording:
            return await LoadReplay(recording, [transport], Pace(0.0, **pace)).run()

    return run_in_virtual_time(run())


def test_equal_answers_agree_to_the_bit(path):
    agreement = run_against(path, small_model()).agreement
    assert (agreement.rows, agreement.equal_rows, agreement.largest) == (3, 3, 0.0)


def test_the_largest_difference_to_the_recorded_answers_is_found(path):
    def a_little_more(images):
        sums = row_sums(images)
        sums[sums == 3.0] += 0.125
        return sums

    agreement = run_against(path, small_model(compute=a_little_more)).agreement
    assert (agreement.rows, agreement.equal_rows, agreement.largest) == (3, 2, 0.125)


def test_an_answer_that_is_no_number_differs_infinitely(path):
    def lost(images):
        return np.full((len(images), 2), np.nan, np.float32)

    assert run_against(path, small_model(compute=lost)).agreement.largest == math.inf


def test_failures_are_counted_by_kind_and_not_tried_again(path):
    report = run_against(path, small_model(), [ConnectionLost("a"), BadReply("b")])
    assert report.failures == {"ConnectionLost": 1, "BadReply": 1}
    assert report.answered == 1
    assert report.agreement.rows == 1


def test_a_request_that_was_not_answered_then_is_sent_and_not_compared(tmp_path):
    path = tmp_path / "a.rec"
    with Recorder(path) as recorder:
        recorder.no_reply(recorder.request("http://a:1", call(1.0)), ConnectionLost("x"))
    report = run_against(path, small_model())
    assert (report.answered, report.not_compared, report.agreement.rows) == (1, 1, 0)


def test_another_model_can_be_asked_in_the_place_of_the_recorded_one(path):
    async def run():
        transport = MemoryTransport(small_model(name="newer", sha256="f" * 64))
        with Recording(path) as recording:
            return await LoadReplay(recording, [transport], Pace(0.0), "newer").run()

    report = run_in_virtual_time(run())
    assert report.answered == 3
    assert report.model == {"fake": f"newer 1 {'f' * 64}"}


def test_a_server_without_the_model_is_told_before_anything_is_sent(path):
    with pytest.raises(UnknownModelError):
        run_against(path, small_model(name="other"))


def test_a_model_of_other_inputs_is_told_before_anything_is_sent(path):
    model = small_model()
    model.metadata.inputs[0].name = "picture"
    with pytest.raises(RequestMismatchError, match="picture"):
        run_against(path, model)


def test_an_empty_recording_has_nothing_to_send(tmp_path):
    path = tmp_path / "a.rec"
    write(path)
    with pytest.raises(RecordingError, match="holds no requests"):
        run_against(path, small_model())
