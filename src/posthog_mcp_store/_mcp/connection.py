"""`connect()`: an `mcp.Client` that lives in a task of its own, so that any task may open and close it."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any

import anyio

from .._core.asyncio_only import require_asyncio
from .._core.errors import ConfigurationError
from .client import ProxyClient
from .session import MCPSession, SendMessage
from .tools import KnownTools
from .transport import proxy_transport


class Connection(AbstractAsyncContextManager[ProxyClient]):
    """A connection to an MCP server: enter it once, for the client.

    The client's task groups may only be left by the task that entered them, and they wrap what is raised inside them.
    So one task holds them for as long as the connection is open, and the user's code does not run in it.
    """

    def __init__(self, make_client: Callable[[], ProxyClient]) -> None:
        self._make_client = make_client
        self._is_left = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> ProxyClient:
        if self._task is not None:
            raise ConfigurationError("a connection can be entered only once: call connect() again")
        require_asyncio()
        loop = asyncio.get_running_loop()
        opened: asyncio.Future[ProxyClient] = loop.create_future()
        self._task = loop.create_task(self._hold(opened))
        # Asked for, so that asyncio does not report it: who is cancelled has no use for how it failed.
        self._task.add_done_callback(lambda task: task.cancelled() or task.exception())
        try:
            await asyncio.wait((self._task, opened), return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            self._task.cancel()
            await _ended(self._task)
            raise
        if not opened.done():
            await self._task
        return opened.result()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is None:
            return
        self._is_left.set()
        await _ended(self._task)
        if error is None and not self._task.cancelled():
            self._task.result()

    async def _hold(self, opened: asyncio.Future[ProxyClient]) -> None:
        async with self._make_client() as client:
            opened.set_result(client)
            await self._is_left.wait()


def connection(post: SendMessage, url: str, **options: Any) -> Connection:
    """A connection whose messages are posted so. The options are those of `mcp.Client`."""

    def make_client() -> ProxyClient:
        # The service drops the header that later versions of MCP are told by, so only the handshake works.
        tools = KnownTools()
        transport = proxy_transport(MCPSession(post, tools.forget), tools)
        return ProxyClient(transport, url, tools, mode="legacy", **options)

    return Connection(make_client)


async def _ended(task: asyncio.Task[None]) -> None:
    """Wait for the end of what ends by itself, also inside a cancelled scope, which would interrupt every wait."""
    with anyio.CancelScope(shield=True):
        await asyncio.wait((task,))
