"""Which connections calls go over: lanes of the SDK's own, or an `httpx.AsyncClient`; opened on first use, per loop."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Literal, get_args

import httpx

from .._core import validation
from .._core.errors import ConfigurationError
from .._core.response import Response
from .client_transport import ClientPool
from .connection_pool import Lanes
from .environment import HTTP_PROXIES
from .protocol import Outgoing, Pool, closed_error
from .route import route_to

TransportName = Literal["httpx", "aiohttp"]


class Transport:
    """The connections of one store and its views."""

    def __init__(
        self, http_client: httpx.AsyncClient | None, *, max_concurrency: int, name: TransportName, host: str
    ) -> None:
        if http_client is not None and not isinstance(http_client, httpx.AsyncClient):
            raise _not_a_client(http_client)
        if http_client is not None and name != "httpx":
            raise ConfigurationError("give http_client= or transport=, not both: the client brings its own")
        self._client = http_client
        self._width = validation.at_least(1, max_concurrency, "max_concurrency")
        self._name = validation.one_of(get_args(TransportName), name, "transport")
        self._host = host
        self._pool: Pool | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end_of_loop: AsyncGenerator[None, None] | None = None
        self._closed = False

    async def send(self, outgoing: Outgoing) -> Response:
        """Send one attempt and read its answer, as far as the call asks for, whatever its status.

        Waits while `max_concurrency` are under way.

        Raises:
            APIConnectionError: No answer came.
            ConfigurationError: The store is closed, belongs to another event loop, or the host is none.
        """
        if self._client is not None and self._client.is_closed and not self._closed:
            raise ConfigurationError("the http_client of this MCPStore was closed by whoever made it")
        loop = asyncio.get_running_loop()
        if self._pool is None or self._loop is not loop:
            await self._leave_closed_loop()
        if self._pool is None or self._loop is not loop:
            self._pool, self._loop = self._open(), loop
            self._end_of_loop = _closing_at_end_of_loop(self._pool)
            await anext(self._end_of_loop)
        return await self._pool.send(outgoing)

    async def aclose(self) -> None:
        """Close what is the SDK's own. Calls after that fail."""
        self._closed = True
        await self._leave_closed_loop()
        end, self._pool, self._end_of_loop = self._end_of_loop, None, None
        if end is not None:
            await end.aclose()

    async def _leave_closed_loop(self) -> None:
        """Let go of what an event loop left open that was closed before `_closing_at_end_of_loop` was told."""
        pool, loop = self._pool, self._loop
        if pool is None or loop is None or not loop.is_closed():
            return
        self._loop = self._end_of_loop = None
        # The client of a user is not ours to close: its pool stays, and says that it still holds connections.
        self._pool = pool if self._client is not None else None
        # In a task of its own, which cancel scopes that were never left may not follow anybody out of.
        await asyncio.wait((asyncio.get_running_loop().create_task(pool.abandon()),))

    def _open(self) -> Pool:
        if self._closed:
            raise closed_error()
        if self._pool is not None and self._pool.holds_connections:
            raise _elsewhere(self._client)
        if self._client is not None:
            return ClientPool(self._client, self._width)
        if self._name == "aiohttp":
            return _aiohttp_pool(self._host, self._width)
        return Lanes(self._width, route_to(self._host))


def _aiohttp_pool(host: str, width: int) -> Pool:
    try:
        from .aiohttp_transport import AiohttpPool  # noqa: PLC0415  # an extra
    except ImportError:
        raise ConfigurationError('transport="aiohttp" needs: pip install "posthog-mcp-store[aiohttp]"') from None
    return AiohttpPool(route_to(host, HTTP_PROXIES), width)


async def _closing_at_end_of_loop(pool: Pool) -> AsyncGenerator[None, None]:
    """Close the pool when its event loop ends, for a store that was not closed before.

    `asyncio.run` closes the asynchronous generators that are still open (PEP 525): the one moment at which such a store
    can still let go of its connections, and go on in the next loop.
    """
    try:
        yield
    finally:
        await pool.aclose()


def _elsewhere(client: httpx.AsyncClient | None) -> ConfigurationError:
    if client is None:
        return ConfigurationError(
            "this MCPStore was used in another event loop, which its connections belong to: make one for each loop"
        )
    return ConfigurationError(
        "the http_client of this MCPStore was used in another event loop, which its connections belong to: make a "
        "client and a store for each loop, or leave http_client out, and one store serves one loop after another"
    )


def _not_a_client(value: object) -> ConfigurationError:
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    hint = ""
    if kind.startswith("httpx2."):
        hint = ": call httpx2.alias_httpx() before anything imports httpx, or pass an httpx.AsyncClient"
    return ConfigurationError(f"http_client must be an httpx.AsyncClient, not {kind}{hint}")
