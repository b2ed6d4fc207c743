"""The transport without a network."""

import pytest

from inference_client.errors import ServerBusy
from inference_client.testing.memory_transport import MemoryTransport
from tests.inference_client.images import small_model
from tests.inference_client.transport.transport_tests import TransportTests, call


class TestMemoryTransport(TransportTests):
    @pytest.fixture
    def transport(self):
        return MemoryTransport(small_model())

    @pytest.fixture
    def slow(self, transport):
        def make_slow():
            transport.delay_s = 60.0

        return make_slow

    async def test_it_fails_as_told_and_then_answers(self, transport):
        transport.failures.append(ServerBusy("later", 0.1))
        with pytest.raises(ServerBusy, match="later"):
            await transport.infer(call(), 5.0)
        assert (await transport.infer(call(), 5.0)).response.id == "r-1"
