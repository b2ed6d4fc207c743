"""The words at the end of a job: a model's rows are called what its module calls them."""

import numpy as np
import pytest

from inference_client.configuration import ClientConfiguration
from inference_client.protocol.arrays import dense_tensor
from inference_client.protocol.messages import InferenceRequest
from inference_client.signature import ModelExpectation
from inference_client.statistics import ClientStatistics, Percentiles, ServerStatistics
from inference_client.testing.fake_model import FakeModel
from inference_client.testing.fake_server import FakeServer
from producers.inference_producer import InferenceProducer
from producers.inference_service import InferenceService
from producers.inference_summary import RowWords, summary_lines
from producers.jet_shape_tagger import JetShapeTagger
from producers.model_figures import ModelFigures, ModelState
from producers.top_tagger import TopTagger


def figures(rows: int, lost_rows: int = 0, address: str = "http://a:1") -> ClientStatistics:
    latency = Percentiles(0.001, 0.002, 0.003)
    server = ServerStatistics(address, "closed", bodies=1, rows=rows, failures=0, latency=latency)
    bodies = {rows: 1} if rows else {}
    all_rows = rows + lost_rows
    return ClientStatistics(1, all_rows, 0, lost_rows, 0, 1, 0, bodies, 10 * rows, rows, latency, (server,))


def asked(rows: int) -> ModelFigures:
    return ModelFigures([ModelState(0, (figures(rows),))])


@pytest.mark.parametrize(
    ("module", "counted", "many", "one"),
    [
        (TopTagger, "jets scored", "images", "image"),
        (JetShapeTagger, "jets scored", "jets", "jet"),
        (InferenceProducer, "rows evaluated", "rows", "row"),
    ],
)
def test_rows_are_called_what_the_module_calls_them(module, counted, many, one):
    lines = summary_lines(asked(20), module.row_words, loop_time_s=2.0)
    assert lines[counted] == "20"
    assert lines[f"{many} per second"] == "10"
    assert lines[f"bytes per {one}"] == "10"
    assert lines["servers"] == f"http://a:1 (20 {many}, 0 failures)"


def test_a_model_that_nobody_was_asked_about_has_no_bytes():
    assert summary_lines(asked(0), RowWords(), loop_time_s=0.0)["bytes per row"] == "0"


def test_rows_that_nobody_answered_do_not_count():
    one = ModelFigures([ModelState(0, (figures(20, lost_rows=5),))])
    lines = summary_lines(one, RowWords(), loop_time_s=2.0)
    assert (lines["rows evaluated"], lines["rows per second"], lines["bytes per row"]) == ("20", "10", "10")


def test_what_the_fallback_answered_is_told_beside_the_servers_and_counted_once():
    both = figures(20, lost_rows=5), figures(5, address="http://b:1")
    lines = summary_lines(ModelFigures([ModelState(5, both)]), RowWords(), loop_time_s=0.0)
    assert lines["rows evaluated"] == "25"
    assert lines["servers"] == "http://a:1 (20 rows, 0 failures)"
    assert lines["retries, failed requests"] == "0, 5"
    assert lines["fallback: servers"] == "http://b:1 (5 rows, 0 failures)"
    assert lines["fallback used"].startswith("5 times")


def test_each_model_of_a_job_has_words_of_its_own():
    service = InferenceService(InferenceService.Params())
    service.add_model(ClientConfiguration("toptag"), ModelExpectation, words=TopTagger.row_words)
    service.add_model(ClientConfiguration("energy"), ModelExpectation)
    assert service.summary() == {"toptag: jets scored": "0", "energy: rows evaluated": "0"}


def test_the_figures_of_several_processes_keep_the_words():
    service = InferenceService(InferenceService.Params())
    service.add_model(ClientConfiguration("toptag"), ModelExpectation, words=JetShapeTagger.row_words)
    service.absorb([asked(3).states, asked(4).states])
    assert service.summary()["jets scored"] == "7"


async def test_modules_that_ask_for_the_same_model_are_counted_together():
    async with FakeServer(FakeModel(row_shape=(2,))) as server:
        service = InferenceService(InferenceService.Params(servers=[server.address]))
        one, other = (service.add_model(ClientConfiguration("fake"), ModelExpectation) for _ in range(2))
        await service.start()
        for client, rows in ((one, 2), (other, 3)):
            images = dense_tensor("image", np.ones((rows, 2), np.float32))
            await client.infer(InferenceRequest(id="q", inputs=[images]))
        assert service.report()["fake"]["asked"][0]["rows"] == 5
        assert service.summary()["rows evaluated"] == "5"
        service.absorb([service.state(), service.state()])
        assert service.report()["fake"]["asked"][0]["rows"] == 10
        await service.stop()
