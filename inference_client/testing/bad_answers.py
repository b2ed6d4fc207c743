"""How each fault looks: as another status, another message, or broken bytes on the wire."""

from collections.abc import Mapping

import msgspec
from aiohttp import web

from inference_client.protocol import headers
from inference_client.protocol.messages import InferenceResponse
from inference_client.protocol.rows import slice_rows
from inference_client.testing.faults import Fault

HTTP_REFUSALS: Mapping[Fault, tuple[int, Mapping[str, str]]] = {
    Fault.BUSY: (503, {headers.RETRY_AFTER: "0"}),
    Fault.SLOW_DOWN: (429, {headers.RETRY_AFTER: "0.05"}),
    Fault.BAD_GATEWAY: (502, {}),
    Fault.MODEL_GONE: (404, {}),
    Fault.BACKEND_FAILED: (500, {}),
    Fault.BAD_TOKEN: (401, {}),
    Fault.REDIRECT: (307, {"Location": "http://127.0.0.1:9/"}),
}


def spoilt_message(fault: Fault | None, response: InferenceResponse) -> InferenceResponse:
    """The response as a server would send it that mixes something up."""
    if fault is Fault.OTHER_ID:
        return msgspec.structs.replace(response, id="another")
    if fault is Fault.OTHER_MODEL:
        return msgspec.structs.replace(response, model_name="another")
    if fault is Fault.OTHER_SHA256:
        record = msgspec.structs.replace(response.parameters, model_sha256="f" * 64)
        return msgspec.structs.replace(response, parameters=record)
    if fault is Fault.OUTPUT_MISSING:
        return msgspec.structs.replace(response, outputs=[])
    if fault is Fault.ROW_MISSING:
        outputs = [slice_rows(tensor, 0, tensor.shape[0] - 1) for tensor in response.outputs]
        return msgspec.structs.replace(response, outputs=outputs)
    return response


def spoilt_wire(fault: Fault | None, request: web.Request, answer: web.Response) -> web.StreamResponse:
    """The answer as a broken connection would bring it."""
    body = answer.body
    if request.transport is None or not isinstance(body, bytes):
        return answer
    if fault is Fault.GARBAGE:
        return _raw(request, answer, b"\x00\x01 this is not HTTP\r\n\r\n")
    if fault is Fault.RESET:
        request.transport.abort()
    if fault is Fault.NO_LENGTH:
        return _raw(request, answer, _head(answer, None) + body)
    if fault is Fault.TRUNCATED:
        return _raw(request, answer, _head(answer, len(body)) + body[: len(body) // 2])
    if fault is Fault.FLIPPED_BIT:
        middle = len(body) // 2
        answer.body = body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]
    if fault is Fault.PACKED:
        answer.headers["Content-Encoding"] = "gzip"
    if fault is Fault.NO_DIGEST:
        del answer.headers[headers.BODY_CRC32]
    return answer


def _head(answer: web.Response, length: int | None) -> bytes:
    lines = [f"HTTP/1.1 {answer.status} OK", f"Content-Type: {headers.MSGPACK}"]
    lines += [f"{headers.BODY_CRC32}: {answer.headers[headers.BODY_CRC32]}", "Connection: close"]
    lines += [] if length is None else [f"Content-Length: {length}"]
    return "\r\n".join([*lines, "", ""]).encode()


def _raw(request: web.Request, answer: web.Response, data: bytes) -> web.Response:
    if request.transport is not None:
        request.transport.write(data)
        request.transport.close()
    return answer
