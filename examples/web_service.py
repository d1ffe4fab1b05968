"""A web service that connects its users' MCP servers with three routes and keeps no state in memory.

    POSTHOG_PERSONAL_API_KEY=phx_... SESSION_SECRET=... uvicorn examples.web_service:app --workers 4

It needs starlette, itsdangerous and uvicorn. The state of a flow is in the user's signed session cookie, so any worker
can continue it, even after a restart.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from posthog_mcp_store import AuthorizationRedirect, MCPStore, MCPStoreError, NotFoundError, OAuthTimeoutError

CALENDAR = "https://calendar.example.com/mcp"
PATIENCE = 20.0
"""Seconds that one request waits: less than the timeouts of proxies in between, so the page has to poll."""


async def connect(request: Request) -> Response:
    """Send the user's browser to the provider."""
    store: MCPStore = request.state.store
    redirect = await store.installations.install_custom(name="Calendar", url=CALENDAR, auth_type="oauth")
    request.session["flow"] = redirect.to_json()
    return RedirectResponse(redirect.url, status_code=303)


async def status(request: Request) -> Response:
    """Polled by the page that the user left, until the flow is over."""
    store: MCPStore = request.state.store
    if "flow" not in request.session:
        return JSONResponse({"status": "not started"}, status_code=404)
    redirect = AuthorizationRedirect.from_json(request.session["flow"])
    try:
        installation = await store.installations.wait_until_authorized(redirect, timeout=PATIENCE)
    except OAuthTimeoutError:
        return JSONResponse({"status": "waiting"}, status_code=202)
    except NotFoundError:
        return JSONResponse({"status": "removed"}, status_code=410)
    request.session.clear()
    request.session["installation"] = str(installation.id)
    return JSONResponse({"status": "connected", "name": installation.name})


async def tools(request: Request) -> Response:
    """List the tools of the connected server."""
    store: MCPStore = request.state.store
    if "installation" not in request.session:
        return JSONResponse({"error": "connect first"}, status_code=409)
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    try:
        reply = await store.installations.proxy(request.session["installation"], message)
        return JSONResponse([tool["name"] for tool in reply.result()["tools"]])
    except MCPStoreError as error:
        return JSONResponse({"error": str(error)}, status_code=502)


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[dict[str, MCPStore]]:
    async with MCPStore() as store:
        yield {"store": store}


app = Starlette(
    routes=[
        Route("/connect", connect),
        Route("/status", status),
        Route("/tools", tools),
    ],
    middleware=[Middleware(SessionMiddleware, secret_key=os.environ["SESSION_SECRET"], max_age=600)],
    lifespan=lifespan,
)
