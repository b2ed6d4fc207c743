"""Who may ask what: one check over all routes; what is not allowed is refused, and only liveness is open."""

from collections.abc import Mapping

from aiohttp import web

from accelerator_server.access_control.sessions import Sessions
from accelerator_server.access_control.tokens import Caller, TokenTable
from accelerator_server.errors import ForbiddenError, UnauthenticatedError
from inference_client.protocol import headers, routes
from inference_client.protocol.messages import MAX_NAME_LENGTH

CALLER = web.RequestKey("caller", Caller)
"""Who asks; set before any handler runs."""

COOKIE = "accelerator_session"

_OPEN = {
    ("GET", routes.LIVE),
    ("HEAD", routes.LIVE),
    ("GET", routes.DASHBOARD),
    ("HEAD", routes.DASHBOARD),
    ("POST", routes.LOGIN),
}
"""Not refused here. Only liveness answers a stranger; the dashboard shows him a form, login reads it."""

_ADMIN = {routes.REPOSITORY_LOAD, routes.REPOSITORY_UNLOAD}

_READING = {"GET", "HEAD"}
"""What a session may do, but for ending itself: a page of another site can make a browser post."""


class Authentication:
    """Checks tokens and sessions.

    Attributes:
        tokens: Who has which token; without any, every caller may do everything but what admins may.
    """

    def __init__(self, tokens: TokenTable, sessions: Sessions) -> None:
        self.tokens = tokens
        self._sessions = sessions

    def check(self, request: web.Request) -> None:
        """Finds out who asks, and refuses who may not.

        Raises:
            UnauthenticatedError: No token, a wrong one, or a session where only a token will do.
            ForbiddenError: The token is not an admin's.
        """
        resource = request.match_info.route.resource
        path = resource.canonical if resource is not None else ""
        caller = self._caller(request, open_route=(request.method, path) in _OPEN)
        if path in _ADMIN and not caller.is_admin:
            message = "loading and unloading need a token of admin_token_files"
            raise ForbiddenError(message)
        request[CALLER] = caller

    def knows(self, request: web.Request) -> bool:
        """Whether the request comes with a token or session, or none is wanted."""
        return not self.tokens or self._known(request) is not None

    def name_by_token(self, asked: Mapping[str, str], remote: str | None) -> str:
        """The name of who asks, where a session would not do.

        Args:
            asked: Headers of the request.
            remote: Address of the client.

        Raises:
            UnauthenticatedError: No token, or a wrong one.
        """
        token = _token_of(asked)
        caller = self.tokens.caller_of(token) if token is not None else None
        if caller is None and self.tokens:
            raise _unauthenticated()
        return caller.name if caller is not None else _own_word(asked, remote)

    def _caller(self, request: web.Request, *, open_route: bool) -> Caller:
        caller = self._known(request)
        if caller is None and self.tokens and not open_route:
            raise _unauthenticated()
        return caller or Caller(_own_word(request.headers, request.remote))

    def _known(self, request: web.Request) -> Caller | None:
        token = _token_of(request.headers)
        if token is not None:
            return self.tokens.caller_of(token)
        if request.method not in _READING and request.path != routes.LOGOUT:
            return None
        return self._sessions.caller_of(request.cookies.get(COOKIE, ""))


def _token_of(asked: Mapping[str, str]) -> str | None:
    """The token that a request presents; empty if it is of another scheme, None if there is none."""
    scheme, _, token = asked.get("Authorization", "").partition(" ")
    if not token:
        return None
    return token.strip() if scheme.lower() == "bearer" else ""


def _own_word(asked: Mapping[str, str], remote: str | None) -> str:
    """What a client without a token calls itself, or its address."""
    return asked.get(headers.CLIENT_ID, "")[:MAX_NAME_LENGTH] or remote or "unknown"


def _unauthenticated() -> UnauthenticatedError:
    return UnauthenticatedError("this server wants a token: Authorization: Bearer TOKEN")
