"""The dashboard: its page, its numbers, and logging in and out with a browser."""

import time
from urllib.parse import parse_qs

import msgspec
from aiohttp import web

from accelerator_server.access_control.authentication import COOKIE
from accelerator_server.access_control.sessions import SESSION_S
from accelerator_server.dashboard import read_page, security_policy
from accelerator_server.http.body import read_body
from accelerator_server.http.replies import SERVER, json_response
from accelerator_server.models.served_model import ServedModel
from accelerator_server.state import ServerState
from inference_client.protocol import routes

_MAX_FORM_BYTES = 4096
"""Also of what it unpacks to: strangers send it."""

_MESSAGE_PLACE = "<!-- message -->"
_TRY_AGAIN = '<p role="alert">This is no token of this server.</p>'


class DashboardRoutes:
    """For people; programs find the same numbers at /metrics."""

    def __init__(self, state: ServerState) -> None:
        self._state = state
        self._form_limits = msgspec.structs.replace(state.config, max_body_bytes=_MAX_FORM_BYTES)
        self._started_s = time.monotonic()

    def routes(self) -> list[web.RouteDef]:
        """All paths of this group."""
        return [
            web.get(routes.DASHBOARD, self._page),
            web.get(routes.DASHBOARD_NUMBERS, self._numbers),
            web.post(routes.LOGIN, self._login),
            web.post(routes.LOGOUT, self._logout),
        ]

    async def _page(self, request: web.Request) -> web.Response:
        if self._state.authentication.knows(request):
            return _html("index.html", read_page("index.html"), 200)
        return _login_form()

    async def _numbers(self, request: web.Request) -> web.Response:
        state = self._state
        numbers = {
            "name": state.control.server_name,
            "state": self._word(),
            "has_session": COOKIE in request.cookies,
            "time_s": time.monotonic(),
            "uptime_s": time.monotonic() - self._started_s,
            "requests_inside": state.admission.n_inside,
            **state.metrics.totals(),
            "models": [_model_numbers(model) for model in state.models.served()],
            "clients": [
                {
                    "name": name,
                    "n_requests": count.n_requests,
                    "n_rows": count.n_rows,
                    "n_refused": count.n_refused,
                }
                for name, count in state.clients.latest_first().items()
            ],
        }
        return json_response(numbers, request)

    async def _login(self, request: web.Request) -> web.Response:
        form = parse_qs((await read_body(request, self._form_limits)).decode(errors="replace"))
        caller = self._state.authentication.tokens.caller_of(form.get("token", [""])[0].strip())
        if caller is None:
            return _login_form(_TRY_AGAIN)
        response = _to_dashboard()
        response.set_cookie(
            COOKIE,
            self._state.sessions.begin(caller),
            max_age=int(SESSION_S),
            httponly=True,
            samesite="Strict",
            secure=self._state.config.tls is not None,
        )
        return response

    async def _logout(self, request: web.Request) -> web.Response:
        self._state.sessions.end(request.cookies.get(COOKIE, ""))
        response = _to_dashboard()
        response.del_cookie(COOKIE)
        return response

    def _word(self) -> str:
        if self._state.admission.draining:
            return "draining"
        models = self._state.models
        if not models.ready:
            return ": ".join(["not ready", *models.what_is_missing()[:1]])
        refused = [f"{name} {version}" for name, versions in models.refused.items() for version in versions]
        return f"ready; refused: {', '.join(refused)}" if refused else "ready"


def _login_form(message: str = "") -> web.Response:
    text = read_page("login.html").replace(_MESSAGE_PLACE, message)
    response = _html("login.html", text, 401)
    response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _html(name: str, text: str, status: int) -> web.Response:
    response_headers = {
        "Server": SERVER,
        "Content-Security-Policy": security_policy(name),
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return web.Response(text=text, content_type="text/html", status=status, headers=response_headers)


def _to_dashboard() -> web.Response:
    return web.Response(status=303, headers={"Location": routes.DASHBOARD, "Server": SERVER})


def _model_numbers(model: ServedModel) -> dict[str, object]:
    statistics = model.statistics
    return {
        "name": model.name,
        "version": model.version,
        "device": model.device,
        "devices": model.config.instances,
        "precision": model.metadata.parameters.precision,
        "waiting_requests": len(model.queue),
        "n_requests": statistics.n_requests,
        "n_rows": statistics.n_rows,
        "n_batches": statistics.n_batches,
        "batches": sorted(statistics.batches_of_rows.items()),
        "latency_s": statistics.latency_percentiles_s(50, 90, 99),
    }
