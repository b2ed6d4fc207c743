"""The description of the server's routes in OpenAPI 3.1; bodies of our own types describe themselves."""

from typing import Any

import msgspec

from accelerator_server import __version__
from accelerator_server.http.dialects.json import JsonRequest
from inference_client.protocol import headers, routes
from inference_client.protocol.messages import ErrorBody, ModelMetadata, ServerMetadata

Description = dict[str, Any]

_TYPES = (ErrorBody, ModelMetadata, ServerMetadata, JsonRequest)

_STATUSES = {
    400: "malformed",
    401: "no token, or an unknown one",
    403: "not for this token",
    404: "no such model or version",
    408: "the body came too slowly or is not the one that was sent; to be tried again",
    413: "body or rows beyond the limits",
    415: "a type or encoding that is not read here",
    422: "does not fit the model's signature",
    429: "this client must slow down; Retry-After says when to try again",
    500: "the backend failed on this input",
    503: "queue full, not ready, or about to stop; Retry-After says when to try again",
    504: "the deadline passed before the result was there",
}


def describe(*, with_tokens: bool) -> Description:
    """Describes all routes.

    Args:
        with_tokens: Whether the server wants tokens.
    """
    schemas, components = msgspec.json.schema_components(_TYPES, ref_template="#/components/schemas/{name}")
    references = dict(zip((kind.__name__ for kind in _TYPES), schemas, strict=True))
    security: list[dict[str, list[str]]] = [{"bearer": []}]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "accelerator-server",
            "version": __version__,
            "description": "Open Inference Protocol v2 with msgpack, sparse and scaled tensors beside JSON.",
        },
        "security": security if with_tokens else [],
        "paths": _with_errors(_paths(references), references["ErrorBody"]),
        "components": {
            "schemas": components,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _paths(references: dict[str, Description]) -> Description:
    anything = {"type": "object"}
    index = {"type": "array", "items": anything}
    paths: Description = {
        routes.SERVER: {"get": _read("What the server is", references["ServerMetadata"])},
        routes.LIVE: {"get": {**_read("Whether the process lives", anything), "security": []}},
        routes.READY: {"get": _read("Whether all models are served", anything)},
        "/v2/models/stats": {"get": _read("What all models have done", anything)},
        routes.REPOSITORY_INDEX: {"post": _read("Models and their states", index)},
        routes.REPOSITORY_LOAD: {"post": _read("Loads a model, or loads it again; for admins", anything)},
        routes.REPOSITORY_UNLOAD: {"post": _read("Stops to serve a model; for admins", anything)},
        routes.METRICS: {"get": _operation("Prometheus' text", {"text/plain": {}})},
        routes.OPENAPI: {"get": _read("This description", anything)},
        routes.DASHBOARD: {"get": _page("The dashboard, or with 401 a form to log in")},
        routes.DASHBOARD_NUMBERS: {"get": _read("The dashboard's numbers", anything)},
        routes.LOGIN: {"post": _form("Begins a session of the dashboard")},
        routes.LOGOUT: {"post": _redirect("Ends it")},
    }
    for version in ("", "/versions/{version}"):
        model = "/v2/models/{model}" + version
        paths[model] = {"get": _read("Signature of a model", references["ModelMetadata"])}
        paths[model + "/ready"] = {"get": _read("Whether a model is served", anything)}
        paths[model + "/config"] = {"get": _read("Configuration of a model, as Triton has it", anything)}
        paths[model + "/stats"] = {"get": _read("What a model has done", anything)}
        paths[model + "/infer"] = {"post": _inference(references["JsonRequest"])}
    for path, operations in paths.items():
        if parameters := [_in_path(name) for name in ("model", "version") if f"{{{name}}}" in path]:
            operations["parameters"] = parameters
    return paths


def _inference(request: Description) -> Description:
    binary = {"schema": {"type": "string", "format": "binary"}}
    content = {headers.MSGPACK: binary, headers.JSON: {"schema": request}, headers.BINARY: binary}
    answers = {**content, headers.JSON: {"schema": {"type": "object"}}}
    known_headers = (
        (headers.REQUEST_ID, "string"),
        (headers.DEADLINE_MS, "number"),
        (headers.BODY_CRC32, "string"),
        (headers.CLIENT_ID, "string"),
        (headers.INFERENCE_HEADER_LENGTH, "integer"),
    )
    return {
        **_operation("Inference", answers),
        "requestBody": {"required": True, "content": content},
        "parameters": [
            {"name": name, "in": "header", "schema": {"type": kind}} for name, kind in known_headers
        ],
    }


def _read(summary: str, schema: Description) -> Description:
    return _operation(summary, {headers.JSON: {"schema": schema}})


def _operation(summary: str, content: Description) -> Description:
    return {"summary": summary, "responses": {"200": {"description": "done", "content": content}}}


def _redirect(summary: str) -> Description:
    return {"summary": summary, "responses": {"303": {"description": "see the dashboard"}}}


def _form(summary: str) -> Description:
    token = {"type": "object", "properties": {"token": {"type": "string"}}, "required": ["token"]}
    content = {"application/x-www-form-urlencoded": {"schema": token}}
    form = {"security": [], "requestBody": {"required": True, "content": content}, **_redirect(summary)}
    form["responses"]["401"] = {"description": "the form again", "content": {"text/html": {}}}
    return form


def _page(summary: str) -> Description:
    page = _operation(summary, {"text/html": {}})
    page["responses"]["401"] = {"description": "the form", "content": {"text/html": {}}}
    return {**page, "security": []}


def _in_path(name: str) -> Description:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _with_errors(paths: Description, error: Description) -> Description:
    content = {headers.JSON: {"schema": error}}
    errors = {str(status): {"description": text, "content": content} for status, text in _STATUSES.items()}
    for path, operations in paths.items():
        for method in operations.keys() & {"get", "post"}:
            wanted = errors if path.endswith("/infer") else {"401": errors["401"], "503": errors["503"]}
            if path != routes.LIVE:
                operations[method]["responses"] = {**wanted, **operations[method]["responses"]}
    return paths
