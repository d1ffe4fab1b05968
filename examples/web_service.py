"""A web service whose users connect MCP servers, each their own, and list and call the servers' tools.

    export SESSION_SECRET=...   # signs the cookies, and encrypts the users' keys in the database
    export DATABASE=users.sqlite
    uvicorn examples.web_service:app --workers 2

It needs starlette, itsdangerous, cryptography, python-multipart and uvicorn. Nothing is kept in memory, so any worker
can continue what another one began, even after a restart: the table of users has their PostHog keys, encrypted, and the
signed session cookie has who is signed in and the OAuth flow under way.

An installation belongs to the owner of the API key. So every request acts with the key of its user, and never with one
of the service's own: with that, all visitors would share one person's servers.
"""

import base64
import hashlib
import os
import secrets
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from html import escape

from cryptography.fernet import Fernet
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from posthog_mcp_store import (
    AuthenticationError,
    AuthorizationRedirect,
    ConfigurationError,
    MCPStore,
    MCPStoreError,
    NotFoundError,
    OAuthTimeoutError,
    PermissionDeniedError,
    RateLimitError,
    ReauthenticationRequiredError,
    ToolApprovalRequiredError,
)

CALENDAR = "https://calendar.example.com/mcp"
PATIENCE = 20.0
"""Seconds that one request waits: less than the timeouts of proxies in between, so the page has to poll."""
SECRET = os.environ["SESSION_SECRET"]
STATUSES: list[tuple[type[MCPStoreError], int]] = [
    (ReauthenticationRequiredError, 409),
    (AuthenticationError, 401),
    (PermissionDeniedError, 403),
    (NotFoundError, 404),
    (ToolApprovalRequiredError, 409),
    (RateLimitError, 503),
    (ConfigurationError, 400),
    (MCPStoreError, 502),
]
"""What each error means to the user's browser; the first that fits."""


class Users:
    """The signed-in users and their PostHog keys, encrypted, in a database that all workers share."""

    def __init__(self, path: str, secret: str) -> None:
        self._path = path
        self._cipher = Fernet(base64.urlsafe_b64encode(hashlib.sha256(secret.encode()).digest()))
        self._run("CREATE TABLE IF NOT EXISTS users (id TEXT PRIMARY KEY, api_key BLOB NOT NULL)")

    def add(self, api_key: str) -> str:
        """Add a user and return the id."""
        user = secrets.token_urlsafe()
        self._run("INSERT INTO users VALUES (?, ?)", user, self._cipher.encrypt(api_key.encode()))
        return user

    def key_of(self, user: str) -> str | None:
        rows = self._run("SELECT api_key FROM users WHERE id = ?", user)
        return self._cipher.decrypt(rows[0][0]).decode() if rows else None

    def remove(self, user: str) -> None:
        self._run("DELETE FROM users WHERE id = ?", user)

    def _run(self, statement: str, *values: object) -> list[tuple[bytes]]:
        with closing(sqlite3.connect(self._path)) as database, database:
            return database.execute(statement, values).fetchall()


def store_of(request: Request) -> MCPStore:
    """The view of the store that acts for the request's user."""
    users: Users = request.state.users
    key = users.key_of(request.session.get("user", ""))
    if key is None:
        raise HTTPException(401, "sign in first")
    store: MCPStore = request.state.store
    return store.with_options(api_key=key)


def changes(handler: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """For handlers that change something: only forms of our own pages may call them (CSRF)."""

    async def checked(request: Request) -> Response:
        token = (await request.form()).get("token")
        expected = request.session.get("token")
        if not (isinstance(token, str) and expected and secrets.compare_digest(token, expected)):
            raise HTTPException(403, "this form has expired: reload the page")
        return await handler(request)

    return checked


async def page(request: Request) -> Response:
    """The one page, with a form for everything that can be done now."""
    token = request.session.setdefault("token", secrets.token_urlsafe())

    def form(path: str, label: str, fields: str = "") -> str:
        hidden = f'<input type="hidden" name="token" value="{escape(token)}">'
        return f'<form method="post" action="{path}">{hidden}{fields}<button>{label}</button></form>'

    if "user" not in request.session:
        field = '<input type="password" name="api_key" placeholder="phx_..." autocomplete="off">'
        return HTMLResponse(form("/sign-in", "Sign in with a PostHog key", field))
    return HTMLResponse(form("/connect", "Connect the calendar") + form("/sign-out", "Sign out"))


@changes
async def sign_in(request: Request) -> Response:
    key = str((await request.form()).get("api_key", "")).strip()
    store: MCPStore = request.state.store
    # A key that PostHog does not accept is not kept.
    await store.with_options(api_key=key).installations.list(limit=1)
    users: Users = request.state.users
    request.session.clear()
    request.session["user"] = users.add(key)
    return RedirectResponse("/", status_code=303)


@changes
async def sign_out(request: Request) -> Response:
    users: Users = request.state.users
    users.remove(request.session.get("user", ""))
    request.session.clear()
    return RedirectResponse("/", status_code=303)


@changes
async def connect(request: Request) -> Response:
    """Send the user's browser to the provider."""
    installations = store_of(request).installations
    redirect = await installations.install_custom(name="Calendar", url=CALENDAR, auth_type="oauth")
    request.session["flow"] = redirect.to_json()
    return RedirectResponse(redirect.url, status_code=303)


async def status(request: Request) -> Response:
    """Polled by the page that the user left, until the flow is over."""
    installations = store_of(request).installations
    if "flow" not in request.session:
        return JSONResponse({"status": "not started"}, status_code=404)
    redirect = AuthorizationRedirect.from_json(request.session["flow"])
    try:
        installation = await installations.wait_until_authorized(redirect, timeout=PATIENCE)
    except OAuthTimeoutError:
        return JSONResponse({"status": "waiting"}, status_code=202)
    except NotFoundError:
        return JSONResponse({"status": "removed"}, status_code=410)
    del request.session["flow"]
    return JSONResponse({"status": "connected", "id": str(installation.id), "name": installation.name})


async def tools(request: Request) -> Response:
    """List the tools of one of the user's servers. The id of anybody else's is unknown to the user's key: 404."""
    listed = await store_of(request).installations.tools(request.path_params["id"])
    return JSONResponse([{"name": tool.tool_name, "approval": tool.approval_state} for tool in listed])


async def failed(_: Request, error: Exception) -> Response:
    status = next(status for kind, status in STATUSES if isinstance(error, kind))
    return JSONResponse({"error": str(error)}, status_code=status)


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[dict[str, object]]:
    # The store itself has no key of anybody, only the views of `store_of` do.
    async with MCPStore(lambda: "nobody") as store:
        yield {"store": store, "users": Users(os.environ.get("DATABASE", "users.sqlite"), SECRET)}


app = Starlette(
    routes=[
        Route("/", page),
        Route("/sign-in", sign_in, methods=["POST"]),
        Route("/sign-out", sign_out, methods=["POST"]),
        Route("/connect", connect, methods=["POST"]),
        Route("/status", status),
        Route("/servers/{id}/tools", tools),
    ],
    # In production, add https_only=True. same_site="lax" keeps other sites' forms from being sent with the cookie.
    middleware=[Middleware(SessionMiddleware, secret_key=SECRET, same_site="lax", max_age=24 * 3600)],
    exception_handlers={MCPStoreError: failed},
    lifespan=lifespan,
)
