"""The SDK's own connections: a pool of httpx transports, each with one connection for one call at a time.

httpx's own pool iterates over all connections and all waiting requests for every request; here, a free connection is
simply taken. A connection whose call was cancelled is discarded: httpcore 1.0.9 counts one that was cancelled at the
wrong moment as in use forever.
"""

import asyncio
from collections import deque
from typing import Any

import httpx
from attrs import define, evolve, field

from .._core.call import ResponseMode
from .._core.errors import APIConnectionError, MCPStoreError
from .._core.response import Body, Response
from .body import read_response
from .closed_loop import release_sockets_and_tasks
from .fair_semaphore import FairSemaphore
from .httpx_exchange import NETWORK_ERRORS, HttpxResponse, bare_request, connection_error, new_transport
from .progress import Progress
from .protocol import PreparedRequest, closed_error, left_behind_error
from .route import Route
from .unread_bytes import close_if_unread
from .waits import Waits

IDLE_SECONDS = 5.0
"""How long to keep an unused connection. Servers drop idle ones, and a request sent at that moment is lost."""


@define(eq=False)
class _Connection:
    transport: httpx.AsyncHTTPTransport
    progress: Progress = field(factory=Progress)
    free_since: float = 0.0

    async def aclose(self) -> None:
        await self.progress.close()
        await self.transport.aclose()


class ConnectionPool:
    """The connections of one event loop. At most `width` calls run at once; further calls queue fairly."""

    def __init__(self, width: int, route: Route, *, idle_seconds: float = IDLE_SECONDS) -> None:
        # Shared by all connections, because creating one reads the certificates.
        self._route = route
        self._idle_seconds = idle_seconds
        self._slots = FairSemaphore(width)
        self._free: deque[_Connection] = deque()
        self._busy: set[_Connection] = set()
        self._counted: set[_Connection] = set()
        """The busy connections that occupy a slot."""
        self._closing: set[asyncio.Task[None]] = set()
        self._idle_timer: asyncio.TimerHandle | None = None
        self._waits = Waits()
        self.loop = asyncio.get_running_loop()
        self._is_closed = False

    @property
    def has_foreign_connections(self) -> bool:
        return False

    async def send(self, prepared: PreparedRequest) -> Response:
        request = bare_request(prepared)
        connection = await self._take(prepared)
        try:
            response = await self._waits.within(_exchange(connection, request, prepared))
        except BaseException as error:
            self.throw_away(connection)
            if not self._is_closed or not isinstance(error, TimeoutError):
                raise
        else:
            return self._handed_up(response, connection, prepared)
        raise _closed_meanwhile(connection, prepared)

    def _handed_up(self, response: Response, connection: _Connection, prepared: PreparedRequest) -> Response:
        if response.body is None:
            self.give_back(connection)
            return response
        if prepared.call.response_mode is ResponseMode.DETACHED:
            self._release_slot(connection)
        return evolve(response, body=_ConnectionBody(response.body, connection, self))

    async def aclose(self) -> None:
        self._is_closed = True
        await self._waits.end()
        for connection in [*self._free, *self._busy]:
            self.throw_away(connection)
        self._forget_idle()
        if self._closing:
            await asyncio.wait(self._closing)

    async def abandon(self) -> None:
        self._is_closed = True
        sockets = [connection.progress.socket for connection in (*self._free, *self._busy)]
        release_sockets_and_tasks(self.loop, [socket for socket in sockets if socket is not None], self._closing)
        self._forget_idle()

    @property
    def is_closed(self) -> bool:
        return self._is_closed

    async def _take(self, prepared: PreparedRequest) -> _Connection:
        """The most recently used connection, so that surplus ones become idle, or a new one."""
        await self._slots.acquire(prepared.owner)
        if self._is_closed:
            self._slots.release()
            raise closed_error()
        self._close_idle()
        connection = self._free.pop() if self._free else _Connection(new_transport(self._route))
        self._busy.add(connection)
        self._counted.add(connection)
        return connection

    def give_back(self, connection: _Connection) -> None:
        """Return a connection to the pool."""
        self._busy.discard(connection)
        self._release_slot(connection)
        connection.free_since = self.loop.time()
        self._free.append(connection)
        if self._idle_timer is None:
            self._watch_idle()

    def throw_away(self, connection: _Connection) -> asyncio.Task[None]:
        """Close a connection in a separate task: the caller may be cancelled, and need not wait."""
        self._busy.discard(connection)
        self._release_slot(connection)
        task = self.loop.create_task(connection.aclose())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
        return task

    def _close_idle(self) -> None:
        """Close all connections that have been free for too long. The first one has been free the longest."""
        since = self.loop.time() - self._idle_seconds
        while self._free and self._free[0].free_since <= since:
            self.throw_away(self._free.popleft())

    def _watch_idle(self) -> None:
        when = self._free[0].free_since + self._idle_seconds
        self._idle_timer = self.loop.call_at(when, self._idle_for_long)

    def _idle_for_long(self) -> None:
        self._idle_timer = None
        self._close_idle()
        if self._free:
            self._watch_idle()

    def _forget_idle(self) -> None:
        self._free.clear()
        if self._idle_timer is not None:
            self._idle_timer.cancel()

    def _release_slot(self, connection: _Connection) -> None:
        if connection in self._counted:
            self._counted.discard(connection)
            self._slots.release()


class _ConnectionBody:
    """A body that occupies a connection until it is closed."""

    def __init__(self, body: Body, connection: _Connection, pool: ConnectionPool) -> None:
        self._body = body
        self._connection: _Connection | None = connection
        self._pool = pool
        self._is_read = False
        self._reading: asyncio.Task[bytes] | None = None

    async def read(self) -> bytes:
        """Read in a separate task, so that cancelling the reader neither loses data nor breaks the connection."""
        if self._pool.loop.is_closed():
            raise left_behind_error()
        if self._reading is None:
            self._reading = asyncio.get_running_loop().create_task(self._body.read())
        reading = self._reading
        await asyncio.wait((reading,))
        self._reading = None
        if reading.cancelled():
            raise closed_error()
        try:
            chunk = reading.result()
        except APIConnectionError:
            if self._pool.is_closed:
                raise closed_error() from None
            raise
        self._is_read = not chunk
        return chunk

    async def aclose(self) -> None:
        connection, self._connection = self._connection, None
        # If the event loop is closed, the store closes the connection.
        if connection is None or self._pool.loop.is_closed():
            return
        if self._is_read and not self._pool.is_closed:
            self._pool.give_back(connection)
            return
        # Wait for it, because the caller may end the event loop next.
        ending: list[asyncio.Task[Any]] = [self._pool.throw_away(connection)]
        if self._reading is not None:
            self._reading.add_done_callback(lambda task: task.cancelled() or task.exception())
            self._reading.cancel()
            ending.append(self._reading)
        await asyncio.wait(ending)


def _closed_meanwhile(connection: _Connection, prepared: PreparedRequest) -> MCPStoreError:
    """The error for a call that closing ended. It shows whether the service may have acted on the call."""
    if connection.progress.is_begun:
        return connection_error(httpx.ReadError("this MCPStore was closed"), prepared)
    return closed_error()


async def _exchange(connection: _Connection, request: httpx.Request, prepared: PreparedRequest) -> Response:
    prepared.stopwatch.start()
    request.extensions["trace"] = connection.progress
    try:
        response = await connection.transport.handle_async_request(request)
        close_if_unread(response, method=request.method)
        return await read_response(HttpxResponse(response, prepared), prepared)
    except NETWORK_ERRORS as error:
        raise connection_error(error, prepared) from error
