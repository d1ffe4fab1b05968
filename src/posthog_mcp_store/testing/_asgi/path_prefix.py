"""The path prefixes: `/api/environments/`, as it was phased out, and its successor (docs/service.md, section 1)."""

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from .middleware import ServiceMiddleware

_OLD = "/api/environments/"
_NEW = "/api/projects/"
_SUNSET = "Fri, 31 Jul 2026 00:00:00 GMT"


class PathPrefixRewriter(ServiceMiddleware):
    """Middleware that redirects requests under the old prefix, or serves them as requests under the new one."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        environments = self._state.environments
        if scope["path"].startswith(_NEW):
            # An alias needs its target.
            is_served = self._state.serves_projects or environments in ("redirected", "deprecated")
            await self._app(scope if is_served else _unrouted(scope), receive, send)
        elif environments == "served" or not scope["path"].startswith(_OLD):
            await self._app(scope, receive, send)
        elif environments == "missing":
            await self._app(_unrouted(scope), receive, send)
        elif environments == "redirected":
            successor = _successor(scope)
            site = Request(scope).base_url
            response = Response(status_code=307, headers={"Location": f"{site.scheme}://{site.netloc}{successor}"})
            await response(scope, receive, _with_deprecation_headers(successor, send))
        else:
            await self._app(_renamed(scope), receive, _with_deprecation_headers(_successor(scope), send))


def _successor(scope: Scope) -> str:
    """The same path and query under the new prefix."""
    path = scope["raw_path"].decode("ascii").replace(_OLD, _NEW, 1)
    query = scope["query_string"].decode("ascii")
    return f"{path}?{query}" if query else path


def _renamed(scope: Scope) -> Scope:
    """The request with the new prefix. Only the path is rewritten, as in the real service."""
    return {**scope, "path": scope["path"].replace(_OLD, _NEW, 1)}


def _unrouted(scope: Scope) -> Scope:
    """The request with a path that the application does not have."""
    return {**scope, "path": "/api/unrouted"}


def _with_deprecation_headers(successor: str, send: Send) -> Send:
    async def announce(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            # The service sends `true`, as in the drafts of RFC 9745, which now requires a date.
            headers["Deprecation"] = "true"
            headers["Sunset"] = _SUNSET
            headers["Link"] = f'<{successor}>; rel="successor-version"'
        await send(message)

    return announce
