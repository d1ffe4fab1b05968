"""Choosing the transport, opening it in the event loop of the first call, and closing it."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable
from importlib import import_module
from typing import Literal, get_args

import httpx
from attrs import frozen

from .._core import validation
from .._core.asyncio_only import require_loop
from .._core.errors import ConfigurationError
from .._core.extras import missing_extra
from .._core.response import Response
from .client_transport import ClientTransport
from .connection_pool import ConnectionPool
from .environment import HTTP_PROXIES
from .protocol import PreparedRequest, Transport, closed_error
from .route import Route, route_to

TransportName = Literal["httpx", "aiohttp"]


@frozen
class _Opened:
    """A transport and its event loop."""

    transport: Transport
    loop: asyncio.AbstractEventLoop
    end_of_loop: AsyncGenerator[None, None]


class TransportManager:
    """The connections of one store and its views."""

    def __init__(
        self, http_client: httpx.AsyncClient | None, *, max_concurrency: int, name: TransportName, host: str
    ) -> None:
        if http_client is not None and not isinstance(http_client, httpx.AsyncClient):
            raise _not_a_client(http_client)
        if http_client is not None and name != "httpx":
            raise ConfigurationError("pass either http_client= or transport=, not both")
        self._client = http_client
        self._width = validation.at_least(1, max_concurrency, "max_concurrency")
        self._name = validation.one_of(get_args(TransportName), name, "transport")
        self._host = host
        self._opened: _Opened | None = None
        # Several threads, each with its own event loop, may start to use the store at the same time.
        self._opening = threading.Lock()
        self._is_stranded = False
        """True if connections of the user's client remain in a closed event loop."""
        self._closed = False

    def require_loop(self) -> None:
        opened = self._opened
        if opened is not None and not opened.loop.is_closed():
            require_loop(opened.loop)

    async def send(self, prepared: PreparedRequest) -> Response:
        """Send one attempt and read its response as far as the call asks for, whatever its status.

        Waits while `max_concurrency` requests are in progress.

        Raises:
            APIConnectionError: No response was received.
            ConfigurationError: The store is closed or belongs to another event loop, or the host is not valid.
        """
        if self._client is not None and self._client.is_closed and not self._closed:
            raise ConfigurationError("the http_client of this MCPStore has been closed: create a new client and store")
        opened = self._opened
        if opened is None or opened.loop is not asyncio.get_running_loop():
            opened = await self._open()
        return await opened.transport.send(prepared)

    async def aclose(self) -> None:
        """Close the SDK's own connections. Later calls fail."""
        self._closed = True
        await self._leave_closed_loop()
        opened, self._opened = self._opened, None
        if opened is not None:
            await opened.end_of_loop.aclose()

    async def _open(self) -> _Opened:
        """The transport of this event loop, opened on first use."""
        await self._leave_closed_loop()
        loop = asyncio.get_running_loop()
        with self._opening:
            if self._opened is not None:
                require_loop(self._opened.loop)
                return self._opened
            transport = self._new_transport()
            opened = self._opened = _Opened(transport, loop, _closing_at_end_of_loop(transport))
        await anext(opened.end_of_loop)
        return opened

    async def _leave_closed_loop(self) -> None:
        """Release connections that remained open because their event loop did not run `_closing_at_end_of_loop`."""
        with self._opening:
            opened = self._opened
            if opened is None or not opened.loop.is_closed():
                return
            self._opened, self._is_stranded = None, opened.transport.has_foreign_connections
        # In a separate task, so that cancel scopes that were never exited can't affect the caller.
        await asyncio.wait((asyncio.get_running_loop().create_task(opened.transport.abandon()),))

    def _new_transport(self) -> Transport:
        if self._closed:
            raise closed_error()
        if self._is_stranded:
            raise _stranded_error()
        if self._client is not None:
            return ClientTransport(self._client, self._width)
        if self._name == "aiohttp":
            return _aiohttp_transport(self._host, self._width)
        return ConnectionPool(self._width, route_to(self._host))


def _aiohttp_transport(host: str, width: int) -> Transport:
    try:
        # It imports the extra. By its name, because a vendored copy may be without it.
        open_transport: Callable[[Route, int], Transport] = import_module(
            ".aiohttp_transport", __package__
        ).open_transport
    except ImportError as error:
        raise missing_extra(error, 'transport="aiohttp"', "aiohttp") from None
    return open_transport(route_to(host, HTTP_PROXIES), width)


async def _closing_at_end_of_loop(transport: Transport) -> AsyncGenerator[None, None]:
    """Close the transport when its event loop ends, in case the store has not been closed before.

    `asyncio.run` closes asynchronous generators that are still open (PEP 525). This is the only moment at which such a
    store can still close its connections, to continue in the next event loop.
    """
    try:
        yield
    finally:
        await transport.aclose()


def _stranded_error() -> ConfigurationError:
    return ConfigurationError(
        "the http_client of this MCPStore was used in another event loop, where its connections belong: create a "
        "client and a store per loop, or omit http_client, and one store serves one loop after another"
    )


def _not_a_client(value: object) -> ConfigurationError:
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    hint = ""
    if kind.startswith("httpx2."):
        hint = ": call httpx2.alias_httpx() before anything imports httpx, or pass an httpx.AsyncClient"
    return ConfigurationError(f"http_client must be an httpx.AsyncClient, not {kind}{hint}")
