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
from .._framework.endpoint import Endpoint, Operation
from .._framework.errors import method_not_allowed, not_found
from .._framework.responses import error_response
from .._model.state import ServiceState
from . import oauth_views, views
from .browser import browser_routes
from .proxy import proxy

# Outermost first.
_MIDDLEWARE = (ConnectionCutter, InFlightCounter, RequestRecorder, FaultInjector, PathPrefixRewriter)
_PREFIXES = ("/api/environments", "/api/projects")
_READ = "project:read"
_WRITE = "project:write"

# Updating and deleting require no more than the read scope, because rows belong to users.
_ROW = {
    "GET": Operation(_READ, views.retrieve),
    "PATCH": Operation(_READ, views.partial_update),
    "DELETE": Operation(_READ, views.destroy),
}


def build_app(state: ServiceState, *, create_works: bool) -> Starlette:
    create = views.create if create_works else views.refuse_create
    collection = {"GET": Operation(_READ, views.list_installations), "POST": Operation(_WRITE, create)}
    authorize = oauth_views.authorize_server if state.version < "2026-08" else oauth_views.authorize_installation
    install_custom = {"POST": Operation(_READ, views.install_custom)}
    # The two named paths come first, because `{id}` would match them too.
    endpoints = {
        "": Endpoint(state, collection),
        "/authorize": Endpoint(state, {"GET": Operation(_READ, authorize)}, throttle_scope="mcp_oauth"),
        "/install_custom": Endpoint(state, install_custom, throttle_scope="mcp_oauth"),
        "/{id}": Endpoint(state, _ROW),
        "/{id}/proxy": Endpoint(state, {"POST": Operation(_READ, proxy)}, throttle_scope="mcp_proxy", is_proxy=True),
    }
    app = Starlette(
        routes=[*_routes(endpoints), *browser_routes(state)],
        middleware=[Middleware(each, state=state) for each in _MIDDLEWARE],
        exception_handlers={404: _unknown_path, 405: _refused_method},
    )
    # Every path works with and without a trailing slash, without a redirect.
    app.router.redirect_slashes = False
    return app


def _routes(endpoints: Mapping[str, Endpoint]) -> list[Route]:
    return [
        Route(f"{prefix}/{{project_id}}/mcp_server_installations{path}{slash}", endpoint)
        for prefix in _PREFIXES
        for path, endpoint in endpoints.items()
        for slash in ("/", "")
    ]


async def _unknown_path(_request: Request, _error: Exception) -> Response:
    return error_response(not_found("Endpoint not found."))


async def _refused_method(request: Request, _error: Exception) -> Response:
    return error_response(method_not_allowed(request.method))
