"""Asks a running server and checks what every answer must have."""

from inference_client.protocol import codec, headers
from inference_client.protocol.routes import READY, infer_path
from tests.accelerator_server.running import posting

INFER = infer_path("m")


async def infer(session, request, path=INFER, **more):
    """Sends a request that must succeed; `more` are headers."""
    async with session.post(path, **posting(request, **more)) as reply:
        body = await reply.read()
        assert reply.status == 200, body
        assert reply.headers[headers.BODY_CRC32] == codec.body_crc32(body)
        assert int(reply.headers["Content-Length"]) == len(body)
        return codec.decode_response(body)


async def refused(session, path=INFER, method="POST", **arguments):
    """Sends a request that must be refused; gives status, code and reply."""
    async with session.request(method, path, **arguments) as reply:
        body = await reply.read()
        decode = codec.decode_error if reply.content_type == headers.MSGPACK else codec.decode_json_error
        return reply.status, decode(body).code, reply


async def waiting_requests(session, n: int) -> None:
    """Returns when so many requests wait in the queue of model m."""
    while f'accelerator_waiting_requests{{model="m",version="1"}} {n}.0' not in await metrics(session):
        pass


async def metrics(session) -> str:
    """Prometheus' text."""
    async with session.get("/metrics") as reply:
        assert reply.status == 200
        return await reply.text()


async def is_ready(session) -> bool:
    """Whether all models can be asked."""
    async with session.get(READY) as reply:
        return reply.status == 200
