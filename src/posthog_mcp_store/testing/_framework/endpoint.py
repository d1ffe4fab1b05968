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

from .._model.records import ApiKey, InstallationRecord
from .._model.state import ServiceState
from .._model.throttling import ThrottleScope
from .access import authenticate, require_scope, resolve_project
from .content import parse_json, require_json_acceptable
from .errors import ServiceError, method_not_allowed, not_found, server_error, throttled
from .responses import error_response, json_response, proxy_error_response

logger = logging.getLogger(__name__)

# The order in which the framework lists methods in `Allow`.
_METHODS = ("GET", "POST", "PATCH", "DELETE", "HEAD", "OPTIONS")


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

    def row_json(self, row: InstallationRecord) -> dict[str, Any]:
        return row.to_json(self.site, version=self.state.version)

    async def data(self) -> object:
        return parse_json(self.request.headers.get("content-type", ""), await self.request.body())

    def installation(self) -> InstallationRecord:
        """The user's row with the id in the path. Other users' rows are treated as unknown."""
        try:
            row_id = UUID(self.request.path_params["id"])
        except ValueError:
            raise not_found() from None
        row = self.state.row(row_id, user=self.user, project_id=self.project_id)
        if row is None:
            raise not_found()
        return row


def site_of(request: Request) -> str:
    """Scheme and host as in the request; every link in a response starts with them."""
    return f"{request.url.scheme}://{request.url.netloc}"


@dataclass(frozen=True)
class Operation:
    """One method of a path: the scope that it requires, and its handler."""

    scope: str
    handle: Callable[[RequestContext], Awaitable[Response]]


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
            return self._error_response(error)
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
