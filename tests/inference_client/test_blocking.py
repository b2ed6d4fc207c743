"""The client without `await`, from scripts, notebooks and threads."""

import asyncio
import gc
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from inference_client.blocking import BlockingClient
from inference_client.configuration import ClientConfiguration
from inference_client.errors import ClientClosed, DialectError, RequestMismatchError, ServersUnavailable
from inference_client.protocol.messages import EXTENSIONS, InferenceRequest
from inference_client.testing.memory_transport import MemoryTransport
from tests.inference_client.images import small_model, sparse_request, sums


def blocking_client(delay_s: float = 0.0) -> BlockingClient:
    configuration = ClientConfiguration("fake", servers=["http://memory:1"])
    model = small_model()
    return BlockingClient(configuration, connect=lambda address: MemoryTransport(model, address, delay_s))


def test_a_script_asks_and_gets_an_answer():
    with blocking_client() as client:
        assert client.model.name == "fake"
        assert sums(client.infer(sparse_request([1.0, 2.0]))) == [1.0, 2.0]


async def test_it_works_where_a_loop_is_running_as_in_a_notebook():
    with blocking_client() as client:
        assert sums(client.infer(sparse_request([1.0]))) == [1.0]
    assert asyncio.get_running_loop().is_running()


def test_many_requests_travel_together_and_come_back_in_order():
    with blocking_client() as client:
        results = client.infer_all([sparse_request([float(k)]) for k in range(50)])
        assert [sums(result) for result in results] == [[float(k)] for k in range(50)]
        assert client.statistics().body_rows == {50: 1}


def test_threads_share_one_client():
    with blocking_client(delay_s=0.002) as client, ThreadPoolExecutor(8) as pool:
        results = pool.map(client.infer, [sparse_request([float(k)]) for k in range(100)])
        assert [sums(result) for result in results] == [[float(k)] for k in range(100)]


def test_an_error_reaches_the_caller():
    with blocking_client() as client, pytest.raises(RequestMismatchError, match="lacks input"):
        client.infer_all([sparse_request([1.0]), InferenceRequest(id="", inputs=[])])


def test_a_start_that_fails_leaves_no_thread_behind():
    configuration = ClientConfiguration("fake", servers=["http://127.0.0.1:9"], preflight_timeout_s=2.0)
    with pytest.raises(ServersUnavailable), BlockingClient(configuration):
        pass
    assert "inference-client" not in [thread.name for thread in threading.enumerate()]


def test_close_ends_the_thread_and_can_be_called_twice():
    client = blocking_client()
    client.start()
    client.close()
    client.close()
    assert "inference-client" not in [thread.name for thread in threading.enumerate()]


def test_before_start_and_after_close_it_says_so_and_does_not_wait():
    client = blocking_client()
    with pytest.raises(ClientClosed, match="start"):
        client.infer(sparse_request([1.0]))
    client.start()
    client.close()
    with pytest.raises(ClientClosed, match="start"):
        client.infer_all([sparse_request([1.0])])


def test_one_that_was_never_started_leaves_nothing_behind():
    client = blocking_client()
    client.close()
    del client
    gc.collect()  # an event loop that nobody closed would warn


def test_a_start_that_failed_can_be_made_again_when_the_server_is_there():
    server = MemoryTransport(small_model())
    server.extensions = []
    client = BlockingClient(
        ClientConfiguration("fake", servers=["http://memory:1"]), connect=lambda _: server
    )
    with pytest.raises(DialectError):
        client.start()
    server.extensions = list(EXTENSIONS)
    client.start()
    assert sums(client.infer(sparse_request([1.0]))) == [1.0]
    client.close()


def test_it_can_be_started_again_after_close_and_twice():
    client = blocking_client()
    for _ in range(2):
        client.start()
        client.start()
        assert sums(client.infer(sparse_request([1.0]))) == [1.0]
        client.close()


def test_threads_that_ask_while_it_closes_get_an_answer_or_hear_of_the_end():
    def ask_on(client: BlockingClient, begun: threading.Semaphore) -> None:
        begun.release()
        while True:
            client.infer(sparse_request([1.0]))

    for _ in range(20):
        client, begun = blocking_client(), threading.Semaphore(0)
        client.start()
        with ThreadPoolExecutor(4) as pool:
            asking = [pool.submit(ask_on, client, begun) for _ in range(4)]
            for _ in asking:
                begun.acquire()
            client.close()
            for ending in asking:
                with pytest.raises(ClientClosed):
                    ending.result(timeout=10.0)
