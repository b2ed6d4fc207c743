"""What happens when a device is lost for good while it serves (row F38 of the fault table)."""

import asyncio

from inference_client.protocol import headers, routes
from inference_client.protocol.arrays import to_array
from tests.accelerator_server.answers import infer, is_ready, metrics, refused, waiting_requests
from tests.accelerator_server.model_files import write_model
from tests.accelerator_server.running import posting, request_of, running
from tests.accelerator_server.stub_backends import POISON


async def test_requests_on_a_lost_device_are_told_to_go_elsewhere_and_the_model_is_not_ready(tmp_path, gate):
    write_model(tmp_path, backend="mortal", keys="max_rows = 1")
    write_model(tmp_path, "other", backend="gated")
    async with running(tmp_path) as session:
        assert await is_ready(session)
        last = await gate.hold(refused(session, **posting(request_of([[POISON] * 4]))))
        waiting = asyncio.ensure_future(refused(session, **posting(request_of([[1] * 4]))))
        await waiting_requests(session, 1)
        gate.open()
        for status, code, reply in await asyncio.gather(last, waiting):
            assert (status, code, reply.headers[headers.RETRY_AFTER]) == (503, "device_lost", "5")
        status, code, _ = await refused(session, **posting(request_of([[1] * 4])))
        assert (status, code) == (503, "model_not_ready")
        assert not await is_ready(session)
        index = await (await session.post(routes.REPOSITORY_INDEX)).json()
        assert {model["name"]: model["state"] for model in index} == {"m": "UNAVAILABLE", "other": "READY"}
        answer = await infer(session, request_of([[2] * 4]), path=routes.infer_path("other"))
        assert to_array(answer.outputs[0]).tolist() == [[2, 2]]
        assert 'model_ready{model="m",version="1"} 0.0' in await metrics(session)


async def test_another_device_of_the_model_goes_on(tmp_path, gate):
    write_model(tmp_path, backend="mortal", keys="instances = 2\nmax_rows = 1")
    async with running(tmp_path) as session:
        status, code, _ = await refused(session, **posting(request_of([[POISON] * 4])))
        assert (status, code) == (503, "device_lost")
        for k in range(20):
            answer = await infer(session, request_of([[k] * 4]))
            assert to_array(answer.outputs[0]).tolist() == [[k, k]]
        assert await is_ready(session)
