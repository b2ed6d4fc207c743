"""What the server and its models are, whether they are ready, and what they have done."""

import msgspec
from aiohttp import web

from accelerator_server import __version__
from accelerator_server.errors import MemoryFullError, ModelNotReadyError
from accelerator_server.http.compression import ENCODINGS
from accelerator_server.http.dialects.base import Reply
from accelerator_server.http.openapi import describe
from accelerator_server.http.replies import http_response, json_response
from accelerator_server.model_spec import TensorSpec
from accelerator_server.models.served_model import ServedModel
from accelerator_server.state import ServerState
from accelerator_server.telemetry.metrics import CONTENT_TYPE
from inference_client.protocol import routes
from inference_client.protocol.messages import EXTENSIONS, ServerMetadata

STANDARD_EXTENSIONS = ("binary_tensor_data", "model_repository", "model_configuration", "statistics")
"""Triton's names of the extensions that are answered here."""


class MetadataRoutes:
    """GET routes of the Open Inference Protocol, and /metrics."""

    def __init__(self, state: ServerState) -> None:
        self._state = state

    def routes(self) -> list[web.RouteDef]:
        """All paths of this group."""
        model_routes = [
            web.get(f"/v2/models/{{model}}{version}{suffix}", handler)
            for version in ("", "/versions/{version}")
            for suffix, handler in (
                ("", self._model),
                ("/ready", self._model_ready),
                ("/config", self._model_config),
                ("/stats", self._model_stats),
            )
        ]
        return [
            web.get(routes.SERVER, self._server),
            web.get(routes.LIVE, self._live),
            web.get(routes.READY, self._ready),
            web.get(routes.METRICS, self._metrics),
            web.get(routes.OPENAPI, self._description),
            web.get("/v2/models/stats", self._all_stats),
            *model_routes,
        ]

    async def _server(self, request: web.Request) -> web.Response:
        extensions = [*EXTENSIONS, *STANDARD_EXTENSIONS, *ENCODINGS]
        return json_response(
            ServerMetadata(name="accelerator-server", version=__version__, extensions=extensions), request
        )

    async def _live(self, request: web.Request) -> web.Response:
        return json_response({"live": True}, request)

    async def _ready(self, request: web.Request) -> web.Response:
        if self._state.admission.draining:
            message = "the server is about to stop"
            raise ModelNotReadyError(message)
        if not self._state.models.ready:
            missing = self._state.models.what_is_missing()
            message = f"not all models are served: {', '.join(missing) or 'there are none'}"
            raise ModelNotReadyError(message)
        if self._state.memory.is_over:
            message = "server and workers hold more memory than they may"
            raise MemoryFullError(message)
        return json_response({"ready": True}, request)

    async def _metrics(self, request: web.Request) -> web.Response:
        return http_response(Reply(self._state.metrics.exposition(), CONTENT_TYPE), request)

    async def _description(self, request: web.Request) -> web.Response:
        return json_response(describe(with_tokens=bool(self._state.authentication.tokens)), request)

    async def _model(self, request: web.Request) -> web.Response:
        model = self._find(request)
        versions = [str(number) for number in sorted(self._state.models.versions[model.name])]
        return json_response(msgspec.structs.replace(model.metadata, versions=versions), request)

    async def _model_ready(self, request: web.Request) -> web.Response:
        model = self._find(request)
        return json_response({"name": model.name, "ready": True}, request)

    async def _model_config(self, request: web.Request) -> web.Response:
        return json_response(_triton_config(self._find(request)), request)

    async def _model_stats(self, request: web.Request) -> web.Response:
        models = [self._find(request)]
        if "version" not in request.match_info:
            versions = self._state.models.versions[models[0].name]
            models = [versions[number] for number in sorted(versions)]
        return json_response(_stats(models), request)

    async def _all_stats(self, request: web.Request) -> web.Response:
        return json_response(_stats(self._state.models.served()), request)

    def _find(self, request: web.Request) -> ServedModel:
        names = request.match_info
        return self._state.models.find(names["model"], names.get("version", ""))


def _stats(models: list[ServedModel]) -> dict[str, object]:
    return {"model_stats": [model.statistics.triton_form(model.name, model.version) for model in models]}


def _triton_config(model: ServedModel) -> dict[str, object]:
    """A model's configuration as Triton's clients read it.

    See https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_model_configuration.md
    """
    batching = model.config.batching
    return {
        "name": model.name,
        "platform": model.config.backend,
        "backend": model.config.backend,
        "max_batch_size": model.config.max_rows,
        "input": [_triton_tensor(tensor) for tensor in model.spec.inputs],
        "output": [_triton_tensor(tensor) for tensor in model.spec.outputs],
        "dynamic_batching": {
            "preferred_batch_size": sorted(batching.preferred_rows),
            "max_queue_delay_microseconds": batching.max_queue_delay_us,
            "default_queue_policy": {"max_queue_size": batching.queue_requests},
        },
    }


def _triton_tensor(tensor: TensorSpec) -> dict[str, object]:
    return {"name": tensor.name, "data_type": f"TYPE_{tensor.datatype}", "dims": list(tensor.row_shape)}
