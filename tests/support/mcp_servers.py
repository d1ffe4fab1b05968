"""Real MCP servers, built with the package `mcp`, that do all that tests want of one.

server = EverythingServer(json_response=False, stateless=False)
with serve_app(server) as host:
    service.add_mcp_server("https://mcp.example.com/mcp", f"{host}/mcp")
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import anyio
import anyio.to_thread
import mcp_types as types
from anyio.abc import TaskStatus
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver import Context, Image, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.transport_security import TransportSecuritySettings
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from posthog_mcp_store.testing._asgi.client_connection import ClientConnection, connection_of

WITHIN = 10.0
"""Seconds within which everything here has to happen."""

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010804000000b51c0c02"
    "0000000b4944415478da6364f80f00010501012718e3660000000049454e44ae426082"
)


class Gate:
    """Holds whoever comes until the test opens it. Threads and event loops may be as many as there are."""

    def __init__(self) -> None:
        self._held: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
        self._arrived = 0
        self._changed = threading.Condition()

    async def wait(self) -> None:
        """Be held."""
        opened = asyncio.Event()
        place = (asyncio.get_running_loop(), opened)
        with self._changed:
            self._held.append(place)
            self._arrived += 1
            self._changed.notify_all()
        try:
            await opened.wait()
        finally:
            with self._changed:
                self._held = [other for other in self._held if other is not place]
                self._changed.notify_all()

    async def reached(self, times: int = 1) -> None:
        """Wait until this many have come, from the beginning on."""
        await self._wait_for(lambda: self._arrived >= times)

    async def left(self) -> None:
        """Wait until nobody is held any more: those that were have gone on, or were cancelled."""
        await self._wait_for(lambda: not self._held)

    def open(self) -> None:
        """Let go all that are held now. Whoever comes later is held again."""
        with self._changed:
            for loop, opened in self._held:
                # A RuntimeError means that the loop is closed, and so is all that it did.
                with suppress(RuntimeError):
                    loop.call_soon_threadsafe(opened.set)

    async def _wait_for(self, condition: Callable[[], bool]) -> None:
        def wait() -> bool:
            with self._changed:
                return self._changed.wait_for(condition, WITHIN)

        assert await anyio.to_thread.run_sync(wait), f"it did not come true: {self._arrived} came, {self._held}"


class EverythingServer:
    """An ASGI application: an MCP server at `/mcp` with a tool for everything. It goes through `serve_app`.

    It can be restarted where it is served, in the middle of calls too: sessions are lost, and connections cut.

    Args:
        json_response: Answer with a JSON body, or else with a stream of events.
        stateless: Keep no sessions.
        token: The only Bearer token that is let in; all are, if there is none.

    Attributes:
        calls: The tools that were called, in order, restarts included.
        gate: Where calls of `hold` wait. `await gate.reached()` until one does, `gate.open()` to let it go.
        open_requests: The HTTP requests that are being answered.
    """

    def __init__(self, *, json_response: bool = False, stateless: bool = False, token: str | None = None) -> None:
        self._json_response = json_response
        self._stateless = stateless
        self._token = token
        self.calls: list[str] = []
        self.gate = Gate()
        self.open_requests = 0
        self._whole: list[ClientConnection] = []

    async def restart(self) -> None:
        """Restart: an old `Mcp-Session-Id` gets a 404, and connections of calls under way are reset."""
        await self._in_its_loop(self._begin_anew())

    async def drop_connections(self) -> None:
        """Reset the connections of all calls under way."""
        await self._in_its_loop(self._drop_connections())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        connection = connection_of(scope)
        assert connection is not None, "this server goes through serve_app"
        self._whole.append(connection)
        self.open_requests += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self.open_requests -= 1
            if connection in self._whole:
                self._whole.remove(connection)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        self._loop = asyncio.get_running_loop()
        async with anyio.create_task_group() as self._lives:
            await self._begin()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            self._end.set()
        await send({"type": "lifespan.shutdown.complete"})

    async def _begin(self) -> None:
        app, end = self._build(), anyio.Event()
        await self._lives.start(_live, app, end)
        self._app, self._end = app, end

    async def _begin_anew(self) -> None:
        end = self._end
        await self._begin()
        await self._drop_connections()
        end.set()

    async def _drop_connections(self) -> None:
        while self._whole:
            self._whole.pop().cut(reset=True)

    async def _in_its_loop(self, act: Coroutine[Any, Any, None]) -> None:
        await asyncio.wait_for(asyncio.wrap_future(asyncio.run_coroutine_threadsafe(act, self._loop)), WITHIN)

    def _build(self) -> Starlette:
        server = MCPServer("Everything", log_level="WARNING", **_protection(self._token))
        for add in (_add_plain_tools, _add_talking_tools, _add_resource_and_prompt):
            add(server, self)
        return server.streamable_http_app(
            json_response=self._json_response,
            stateless_http=self._stateless,
            transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
        )


async def _live(app: Starlette, end: anyio.Event, *, task_status: TaskStatus[None]) -> None:
    async with app.router.lifespan_context(app):
        task_status.started()
        await end.wait()


def _add_plain_tools(server: MCPServer[Any], mcp_server: EverythingServer) -> None:
    @server.tool()
    async def add(a: int, b: int) -> int:
        """Add two numbers."""
        mcp_server.calls.append("add")
        return a + b

    @server.tool()
    async def echo(text: str) -> str:
        """Say the same."""
        mcp_server.calls.append("echo")
        return text

    @server.tool()
    async def recite(length: int) -> str:
        """Say a text of that many characters."""
        mcp_server.calls.append("recite")
        return "x" * length

    @server.tool()
    async def fail(reason: str = "it broke") -> str:
        """Fail: the result is an error."""
        mcp_server.calls.append("fail")
        raise ToolError(reason)

    @server.tool()
    async def tally() -> int:
        """The number of calls of this tool."""
        mcp_server.calls.append("tally")
        return mcp_server.calls.count("tally")

    @server.tool(structured_output=False)
    async def draw() -> Image:
        """Draw a picture of one pixel."""
        mcp_server.calls.append("draw")
        return Image(data=PIXEL, format="png")


def _add_talking_tools(server: MCPServer[Any], mcp_server: EverythingServer) -> None:
    @server.tool()
    async def count(to: int, ctx: Context[Any, Any]) -> int:
        """Count, with a progress notification and a log message for each number."""
        mcp_server.calls.append("count")
        for number in range(1, to + 1):
            await ctx.report_progress(number, to, f"at {number}")
            await _log(ctx, f"counted {number}")
        return to

    @server.tool()
    async def hold(ctx: Context[Any, Any]) -> str:
        """Report that it began, with a progress notification and a log message, and wait until the gate is opened."""
        mcp_server.calls.append("hold")
        await ctx.report_progress(0, 1, "held")
        await _log(ctx, "held")
        await mcp_server.gate.wait()
        return "released"

    @server.tool()
    async def announce(ctx: Context[Any, Any]) -> str:
        """Tell the client, during the call, that the tools have changed."""
        mcp_server.calls.append("announce")
        await ctx.session.send_notification(types.ToolListChangedNotification(), related_request_id=ctx.request_id)
        return "announced"

    @server.tool()
    async def ask(question: str, ctx: Context[Any, Any]) -> str:
        """Ask the user of the client, during the call, for a `text`. A server that streams and has sessions can."""
        mcp_server.calls.append("ask")
        answer = await ctx.elicit(question, Answer)
        return answer.data.text if answer.action == "accept" else answer.action


class Answer(BaseModel):
    text: str


async def _log(ctx: Context[Any, Any], text: str) -> None:
    """As `ctx.info`, which warns that the newest protocol does without it."""
    params = types.LoggingMessageNotificationParams(level="info", data=text)
    await ctx.session.send_notification(
        types.LoggingMessageNotification(params=params), related_request_id=ctx.request_id
    )


def _add_resource_and_prompt(server: MCPServer[Any], mcp_server: EverythingServer) -> None:
    @server.resource("everything://manual", mime_type="text/plain")
    async def manual() -> str:
        """How to use the server."""
        return "Mind the saw. Vorsicht, Säge. 小心锯子。"

    @server.prompt()
    async def brief(topic: str) -> str:
        """Ask for a short text."""
        return f"Write briefly about {topic}."


class _OneToken:
    def __init__(self, token: str) -> None:
        self._token = token

    async def verify_token(self, token: str) -> AccessToken | None:
        return AccessToken(token=token, client_id="tests", scopes=[]) if token == self._token else None


def _protection(token: str | None) -> dict[str, Any]:
    if token is None:
        return {}
    site = "https://mcp.example.com"
    settings = {"issuer_url": site, "resource_server_url": f"{site}/mcp", "validate_token_resource": False}
    return {"auth": AuthSettings.model_validate(settings), "token_verifier": _OneToken(token)}
