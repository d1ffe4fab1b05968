"""`connect()`: an `mcp.Client` in a separate task, so that any task may open and close it."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any

import anyio

from .._core.asyncio_only import require_asyncio, require_loop
from .._core.errors import ConfigurationError
from .._proxy.session import MCPSession, SendMessage
from .client import ProxyClient
from .tools import KnownTools
from .transport import proxy_transport


class Connection(AbstractAsyncContextManager[ProxyClient]):
    """A connection to an MCP server: a context manager that can be entered once and returns the client.

    Only the task that entered the client's task groups may exit them, and they wrap exceptions raised inside them. So
    a separate task holds them while the connection is open, and the user's code does not run in it.
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
        # Retrieve the exception, or asyncio would log it after a caller was cancelled.
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
        require_loop(self._task.get_loop())
        self._is_left.set()
        await _ended(self._task)
        if error is None and not self._task.cancelled():
            self._task.result()

    async def _hold(self, opened: asyncio.Future[ProxyClient]) -> None:
        async with self._make_client() as client:
            opened.set_result(client)
            await self._is_left.wait()


def connection(post: SendMessage, url: str, **options: Any) -> Connection:
    """Create a connection that sends its messages with `post`. The options are those of `mcp.Client`."""

    def make_client() -> ProxyClient:
        # The service drops the header that later versions of MCP need, so only the `initialize` handshake works.
        tools = KnownTools()
        transport = proxy_transport(MCPSession(post, tools.forget), tools)
        return ProxyClient(transport, url, tools, mode="legacy", **options)

    return Connection(make_client)


async def _ended(task: asyncio.Task[None]) -> None:
    """Wait for a task that is ending, even in a cancelled anyio scope, which would interrupt every wait."""
    with anyio.CancelScope(shield=True):
        await asyncio.wait((task,))
