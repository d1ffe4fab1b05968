"""A web service whose users connect an MCP server, each with an installation of their own, and list its tools.

    export SESSION_SECRET=...   # of `python -c "import secrets; print(secrets.token_urlsafe())"`; keep it
    export DATABASE=users.sqlite
    uvicorn examples.web_service:app --workers 2

It needs starlette, itsdangerous, cryptography and uvicorn. Nothing is kept in memory, so any worker can continue what
another one began, even after a restart: the table of users has their PostHog keys and the OAuth flows under way, both
encrypted, and the signed session cookie has who is signed in. The secret is for both.

An installation belongs to the owner of the API key. So every request acts with the key of its user, and never with one
of the service's own: with that, all visitors would share one person's servers.
"""

import base64
import hashlib
import logging
import os
import secrets
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing, suppress
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from urllib.parse import parse_qsl

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
    BadRequestError,
    ConfigurationError,
    Installation,
    Installations,
    MCPStore,
    MCPStoreError,
    NotFoundError,
    OAuthTimeoutError,
    PermissionDeniedError,
    RateLimitError,
    ReauthenticationRequiredError,
)

CALENDAR = "https://calendar.example.com/mcp"
PATIENCE = float(os.environ.get("PATIENCE", "20"))
"""Seconds that one request waits: less than the timeouts of proxies in between, so the page has to poll."""
MAX_AGE = 24 * 3600
"""Seconds until a user has to sign in again. The next sign-in of anybody deletes keys that are older."""
MAX_FORM = 4096
"""Bytes of a form. Nobody has to be signed in to send one."""
SECRET = os.environ.get("SESSION_SECRET", "")
if len(SECRET) < 32:
    sys.exit("SESSION_SECRET must have at least 32 characters, chosen at random")
ANSWERS: list[tuple[type[MCPStoreError], int, str]] = [
    (ReauthenticationRequiredError, 409, "connect this server again"),
    (AuthenticationError, 401, "PostHog does not accept this key"),
    (PermissionDeniedError, 403, "PostHog does not allow this: the key may lack the scope project:read"),
    (NotFoundError, 404, "there is no such server"),
    (RateLimitError, 503, "PostHog is busy: try again later"),
    (ConfigurationError, 400, "this is not a valid key or id"),
    (MCPStoreError, 502, "this did not work: try again later"),
]
"""What the user's browser gets for each error; the first that fits. The texts of errors are for developers."""
log = logging.getLogger(__name__)


class Users:
    """The signed-in users, their PostHog keys and OAuth flows, encrypted, in a database that all workers share."""

    def __init__(self, path: str, secret: str) -> None:
        self._path = path
        self._cipher = Fernet(base64.urlsafe_b64encode(hashlib.sha256(secret.encode()).digest()))
        Path(path).touch(mode=0o600)
        self._run("CREATE TABLE IF NOT EXISTS users (id TEXT PRIMARY KEY, created REAL, api_key BLOB, flow BLOB)")

    def add(self, api_key: str) -> str:
        """Add a user and return the id."""
        user = secrets.token_urlsafe()
        self._run("DELETE FROM users WHERE created < ?", time.time() - MAX_AGE)
        self._run("INSERT INTO users VALUES (?, ?, ?, NULL)", user, time.time(), self._cipher.encrypt(api_key.encode()))
        return user

    def key_of(self, user: str) -> str | None:
        return self._value("SELECT api_key FROM users WHERE id = ? AND created > ?", user)

    def flow_of(self, user: str) -> str | None:
        return self._value("SELECT flow FROM users WHERE id = ? AND created > ?", user)

    def start_flow(self, user: str, flow: str) -> None:
        """Keep a flow here: with it, the session cookie could get too long for browsers."""
        self._run("UPDATE users SET flow = ? WHERE id = ?", self._cipher.encrypt(flow.encode()), user)

    def end_flow(self, user: str, flow: str) -> None:
        """Forget a flow, but not a later one that the user has started meanwhile."""
        if self.flow_of(user) == flow:
            self._run("UPDATE users SET flow = NULL WHERE id = ?", user)

    def remove(self, user: str) -> None:
        self._run("DELETE FROM users WHERE id = ?", user)

    def _value(self, statement: str, user: str) -> str | None:
        rows = self._run(statement, user, time.time() - MAX_AGE)
        return self._cipher.decrypt(rows[0][0]).decode() if rows and rows[0][0] else None

    def _run(self, statement: str, *values: object) -> list[tuple[bytes | None]]:
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
        request.state.form = form = await form_of(request)
        expected = request.session.get("token", "")
        if not expected or not secrets.compare_digest(form.get("token", "").encode(), expected.encode()):
            raise HTTPException(403, "this form has expired: reload the page")
        return await handler(request)

    return checked


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a small form. Starlette's `form()` would read one of any size, files included."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM:
            raise HTTPException(413, "this form is too large", {"Connection": "close"})  # or the server reads the rest
    return dict(parse_qsl(body.decode("latin-1")))


async def page(request: Request) -> Response:
    """The one page, with a form for everything that can be done now."""
    users: Users = request.state.users
    token = request.session.setdefault("token", secrets.token_urlsafe())

    def form(path: str, label: str, fields: str = "") -> str:
        hidden = f'<input type="hidden" name="token" value="{escape(token)}">'
        return f'<form method="post" action="{path}">{hidden}{fields}<button>{label}</button></form>'

    if users.key_of(request.session.get("user", "")) is None:
        field = '<input type="password" name="api_key" placeholder="phx_..." autocomplete="off">'
        return HTMLResponse(form("/sign-in", "Sign in with a PostHog key", field))
    return HTMLResponse(form("/connect", "Connect the calendar") + form("/sign-out", "Sign out"))


@changes
async def sign_in(request: Request) -> Response:
    key = request.state.form.get("api_key", "").strip()
    store: MCPStore = request.state.store
    # A key that PostHog does not accept is not kept.
    await store.with_options(api_key=key).installations.list(limit=1)
    users: Users = request.state.users
    users.remove(request.session.get("user", ""))
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
    """Send the user's browser to the provider, if that is necessary."""
    installations = store_of(request).installations
    rows = await installations.list().collect()
    # The user's own: others in the list are shared.
    found = next((row for row in rows if row.url == CALENDAR and row.scope == "personal"), None)
    if found and not (found.pending_oauth or found.needs_reauth):
        return connected(found)
    redirect = await start(installations, found)
    users: Users = request.state.users
    users.start_flow(request.session["user"], redirect.to_json())
    return RedirectResponse(redirect.url, status_code=303)


async def start(installations: Installations, found: Installation | None) -> AuthorizationRedirect:
    """Start a flow. `install_custom` would drop the tokens of a working installation, `authorize` keeps them."""
    if found:
        with suppress(BadRequestError):  # an earlier flow has not got far enough to be continued
            return await installations.authorize(found)
    return await installations.install_custom(name="Calendar", url=CALENDAR, auth_type="oauth")


async def status(request: Request) -> Response:
    """Polled by the page that the user left, until the flow is over."""
    installations = store_of(request).installations
    users: Users = request.state.users
    user = request.session["user"]
    flow = users.flow_of(user)
    if flow is None:
        return JSONResponse({"status": "not started"}, status_code=404)
    redirect = AuthorizationRedirect.from_json(flow)
    try:
        response = connected(await installations.wait_until_authorized(redirect, timeout=PATIENCE))
    except OAuthTimeoutError:
        if redirect.expires_at is None or datetime.now(UTC) < redirect.expires_at:
            return JSONResponse({"status": "waiting"}, status_code=202)
        response = JSONResponse({"status": "expired"}, status_code=410)
    except NotFoundError:
        response = JSONResponse({"status": "removed"}, status_code=410)
    users.end_flow(user, flow)
    return response


def connected(installation: Installation) -> Response:
    state = "connected" if installation.is_enabled else "disabled"
    return JSONResponse({"status": state, "id": str(installation.id), "name": installation.name})


async def tools(request: Request) -> Response:
    """List the tools of one of the user's servers. The id of anybody else's is unknown to the user's key: 404."""
    listed = await store_of(request).installations.tools(request.path_params["id"])
    return JSONResponse([{"name": tool.tool_name, "approval": tool.approval_state} for tool in listed])


async def failed(_: Request, error: Exception) -> Response:
    log.warning("%s: %s", type(error).__name__, error)
    status, text = next((status, text) for kind, status, text in ANSWERS if isinstance(error, kind))
    return JSONResponse({"error": text}, status_code=status)


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
    middleware=[Middleware(SessionMiddleware, secret_key=SECRET, same_site="lax", max_age=MAX_AGE)],
    exception_handlers={MCPStoreError: failed},
    lifespan=lifespan,
)
