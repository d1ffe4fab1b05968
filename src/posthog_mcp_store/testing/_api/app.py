"""The service as an ASGI application: its paths and their operations."""

from collections.abc import Mapping

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .._asgi.client_connection import ConnectionCutter
from .._asgi.counting import InFlightCounter
from .._asgi.fault_injection import FaultInjector
from .._asgi.path_prefix import PathPrefixRewriter
from .._asgi.recording import RequestRecorder
from .._framework.endpoint import Endpoint, Handler, Operation
from .._framework.errors import method_not_allowed, not_found
from .._framework.responses import error_response
from .._model.state import ServiceState
from .._model.throttling import ThrottleScope
from . import install_views, oauth_views, sharing_views, tool_views, views
from .browser import browser_routes
from .proxy import proxy

# Outermost first.
_MIDDLEWARE = (ConnectionCutter, InFlightCounter, RequestRecorder, FaultInjector, PathPrefixRewriter)
_PREFIXES = ("/api/environments", "/api/projects")
_ROWS = "/mcp_server_installations"
_READ = "project:read"
_WRITE = "project:write"

# Updating and deleting require no more than the read scope, because rows belong to users.
_ROW = {
    "GET": Operation(_READ, views.retrieve),
    "PATCH": Operation(_READ, views.partial_update),
    "DELETE": Operation(_READ, views.destroy),
}


def build_app(state: ServiceState, *, create_works: bool) -> Starlette:
    app = Starlette(
        routes=[*_routes(_endpoints(state, create_works=create_works)), *browser_routes(state)],
        middleware=[Middleware(each, state=state) for each in _MIDDLEWARE],
        exception_handlers={404: _unknown_path, 405: _refused_method},
    )
    # Every path works with and without a trailing slash, without a redirect.
    app.router.redirect_slashes = False
    return app


def _endpoints(state: ServiceState, *, create_works: bool) -> dict[str, Endpoint]:
    """The endpoints by path in the project. Named ones come first, because `{id}` would match them too."""
    create = views.create if create_works else views.refuse_write
    rows = {"GET": Operation(_READ, views.list_installations), "POST": Operation(_WRITE, create)}
    endpoints = {
        "/mcp_servers": _endpoint(state, GET=views.list_templates),
        _ROWS: Endpoint(state, rows),
        f"{_ROWS}/install_custom": _endpoint(state, "mcp_oauth", POST=install_views.install_custom),
    }
    proxied = Endpoint(state, {"POST": Operation(_READ, proxy)}, throttle_scope="mcp_proxy", is_proxy=True)
    if state.version < "2026-09":
        return endpoints | {
            f"{_ROWS}/authorize": _endpoint(state, "mcp_oauth", GET=oauth_views.authorize_server),
            f"{_ROWS}/{{id}}": Endpoint(state, _ROW),
            f"{_ROWS}/{{id}}/proxy": proxied,
        }
    return endpoints | {
        f"{_ROWS}/authorize": _endpoint(state, "mcp_oauth", GET=oauth_views.authorize_installation),
        f"{_ROWS}/install_template": _endpoint(state, "mcp_oauth", POST=install_views.install_template),
        f"{_ROWS}/available_tools": _endpoint(state, GET=tool_views.available_tools),
        f"{_ROWS}/{{id}}": Endpoint(state, {**_ROW, "PUT": Operation(_WRITE, views.refuse_write)}),
        f"{_ROWS}/{{id}}/proxy": proxied,
        f"{_ROWS}/{{id}}/tools": _endpoint(state, GET=tool_views.list_tools),
        f"{_ROWS}/{{id}}/tools/refresh": _endpoint(state, "mcp_oauth", POST=tool_views.refresh_tools),
        f"{_ROWS}/{{id}}/tools/{{tool_name}}": _endpoint(state, PATCH=tool_views.update_tool),
        f"{_ROWS}/{{id}}/call_tool": _endpoint(state, "mcp_proxy", POST=tool_views.call_tool),
        f"{_ROWS}/{{id}}/share": _endpoint(state, POST=sharing_views.share),
        f"{_ROWS}/{{id}}/unshare": _endpoint(state, POST=sharing_views.unshare),
    }


def _endpoint(state: ServiceState, throttle_scope: ThrottleScope = "default", **handlers: Handler) -> Endpoint:
    """An endpoint with these methods, all of which require the read scope."""
    operations = {method: Operation(_READ, handle) for method, handle in handlers.items()}
    return Endpoint(state, operations, throttle_scope=throttle_scope)


def _routes(endpoints: Mapping[str, Endpoint]) -> list[Route]:
    return [
        Route(f"{prefix}/{{project_id}}{path}{slash}", endpoint)
        for prefix in _PREFIXES
        for path, endpoint in endpoints.items()
        for slash in ("/", "")
    ]


async def _unknown_path(_request: Request, _error: Exception) -> Response:
    return error_response(not_found("Endpoint not found."))


async def _refused_method(request: Request, _error: Exception) -> Response:
    return error_response(method_not_allowed(request.method))
