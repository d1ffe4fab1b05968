"""The handling of every request on a known path, before and after its operation."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from .._model.installations import InstallationRecord
from .._model.projects import ProjectRecord
from .._model.records import ApiKey
from .._model.state import ServiceState
from .._model.throttling import ThrottleScope
from .access import authenticate, require_scope, resolve_project
from .content import parse_json, require_json_acceptable
from .errors import (
    FrameworkError,
    ServiceError,
    method_not_allowed,
    not_found,
    permission_denied,
    server_error,
    throttled,
)
from .responses import error_response, json_response, proxy_error_response

logger = logging.getLogger(__name__)

# The order in which the framework lists methods in `Allow`.
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")


@dataclass(frozen=True)
class RequestContext:
    """A request that passed the checks of authentication, scope and project.

    Contexts entered in `until_sent` are exited once the response has been sent.
    """

    state: ServiceState
    request: Request
    user: str
    project_id: str
    until_sent: AsyncExitStack

    @property
    def site(self) -> str:
        return site_of(self.request)

    @property
    def project(self) -> ProjectRecord:
        return self.state.projects[self.project_id]

    @property
    def is_admin(self) -> bool:
        """Whether the user is a project admin."""
        return self.user in self.project.admins

    def row_json(self, row: InstallationRecord) -> dict[str, Any]:
        return row.to_json(self.site, version=self.state.version, user=self.user)

    async def data(self) -> object:
        return parse_json(self.request.headers.get("content-type", ""), await self.request.body())

    def installation(self) -> InstallationRecord:
        """The row with the id in the path. Other users' personal rows are treated as unknown."""
        try:
            row_id = UUID(self.request.path_params["id"])
        except ValueError:
            raise not_found() from None
        row = self.state.row(row_id, user=self.user, project_id=self.project_id)
        if row is None:
            raise not_found()
        return row

    def own_installation(self, *, admins_too: bool = False) -> InstallationRecord:
        """The row with the id in the path, which has to be the user's own, or may also be changed by project admins."""
        row = self.installation()
        if not (admins_too and self.is_admin):
            self.require_owner(row)
        return row

    def require_owner(self, row: InstallationRecord) -> None:
        if row.user != self.user:
            raise permission_denied("Only the credential owner can modify a shared server.")


def site_of(request: Request) -> str:
    """Scheme and host as in the request; every link in a response starts with them."""
    return f"{request.url.scheme}://{request.url.netloc}"


Handler = Callable[[RequestContext], Awaitable[Response]]


@dataclass(frozen=True)
class Operation:
    """One method of a path: the scope that it requires, and its handler."""

    scope: str
    handle: Handler


async def _describe(_context: RequestContext) -> Response:
    return json_response({})


async def _refuse(context: RequestContext) -> Response:
    raise method_not_allowed(context.request.method)


_REFUSED = Operation("project:read", _refuse)


class Endpoint:
    """An ASGI application for one path. The proxy has its own error bodies and ignores Accept.

    Calls count against the rates of `throttle_scope`, whether they succeed or not.
    """

    def __init__(
        self,
        state: ServiceState,
        operations: Mapping[str, Operation],
        *,
        throttle_scope: ThrottleScope = "default",
        is_proxy: bool = False,
    ) -> None:
        self._state = state
        self._operations = {**operations, "OPTIONS": Operation("project:read", _describe)}
        if "GET" in operations:
            self._operations["HEAD"] = operations["GET"]
        self._allow = ", ".join(method for method in _METHODS if method in self._operations)
        self._throttle_scope: ThrottleScope = throttle_scope
        self._is_proxy = is_proxy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        async with AsyncExitStack() as until_sent:
            response = await self._respond(request, until_sent)
            response.headers["Allow"] = self._allow
            if request.method == "HEAD":
                response.body = b""  # the headers, Content-Length included, stay those of GET
            await response(scope, receive, send)

    async def _respond(self, request: Request, until_sent: AsyncExitStack) -> Response:
        try:
            return await self._handle(request, until_sent)
        except ServiceError as error:
            response = self._error_response(error)
            if isinstance(error, FrameworkError) and error.status == 401 and self._state.version >= "2026-09":
                metadata = f"{site_of(request)}/.well-known/oauth-protected-resource"
                response.headers["WWW-Authenticate"] = f'Bearer resource_metadata="{metadata}"'
            return response
        except Exception:
            logger.exception("%s %s failed in the embedded service", request.method, request.url.path)
            return self._error_response(server_error())

    async def _handle(self, request: Request, until_sent: AsyncExitStack) -> Response:
        if not self._is_proxy:
            require_json_acceptable(request.headers.get("accept"), request.query_params.get("format"))
        key = authenticate(request.headers.get("authorization"), self._state.keys)
        operation = self._operations.get(request.method, _REFUSED)
        require_scope(key, operation.scope)
        project_id = resolve_project(request.path_params["project_id"], key, self._state)
        self._count(key)
        return await operation.handle(RequestContext(self._state, request, key.user, project_id, until_sent))

    def _count(self, key: ApiKey) -> None:
        """Count the call: per key in the default scope, per user in the others."""
        caller = key.token if self._throttle_scope == "default" else key.user
        wait = self._state.throttle.count(self._throttle_scope, caller)
        if wait is not None:
            raise throttled(wait)

    def _error_response(self, error: ServiceError) -> Response:
        response = proxy_error_response(error) if self._is_proxy else error_response(error)
        response.headers.update(error.headers)
        return response
