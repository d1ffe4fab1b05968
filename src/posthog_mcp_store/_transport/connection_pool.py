"""The SDK's own connections: lanes side by side, each of one connection that one call at a time has for itself.

httpx's pool finds a connection by walking over all connections and all that wait for one, on every request; a lane
that is free is simply taken. And a lane that was cancelled is thrown away, where a pool would keep its wreck: httpcore
1.0.9 counts a connection that was cancelled at the wrong moment as in use for ever.
"""

import asyncio
from asyncio.trsock import TransportSocket
from collections import deque
from time import monotonic, perf_counter
from typing import Any

import httpx
from attrs import define, evolve

from .._core.call import ResponseMode
from .._core.errors import APIConnectionError
from .._core.response import Body, Response
from .body import read_answer
from .closed_loop import let_go
from .httpx_exchange import NETWORK_ERRORS, bare_request, connection_error
from .protocol import Outgoing, closed_error, left_behind_error
from .route import Route
from .unread_bytes import close_if_unread

IDLE_SECONDS = 5.0
"""A connection unused for so long is closed: servers drop idle ones, and a request that meets that is lost."""
ONE_CONNECTION = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=IDLE_SECONDS)


@define(eq=False)
class _Lane:
    transport: httpx.AsyncHTTPTransport
    socket: TransportSocket | None = None
    """That of the last answer."""
    free_since: float = 0.0


class Lanes:
    """Lanes in one event loop. At most `width` calls are under way; those beyond queue, first come first served."""

    def __init__(self, width: int, route: Route, *, idle_seconds: float = IDLE_SECONDS) -> None:
        # One for all lanes: making it anew would read the certificates each time.
        self._route = route
        self._idle_seconds = idle_seconds
        self._slots = asyncio.Semaphore(width)
        self._free: deque[_Lane] = deque()
        self._busy: set[_Lane] = set()
        self._counted: set[_Lane] = set()
        """Those of the busy ones that hold one of the slots."""
        self._closing: set[asyncio.Task[None]] = set()
        self.loop = asyncio.get_running_loop()
        self._is_closed = False

    @property
    def holds_connections(self) -> bool:
        return not self._is_closed

    async def send(self, outgoing: Outgoing) -> Response:
        request = bare_request(outgoing)
        lane = await self._take()
        try:
            answer = await _exchange(lane, request, outgoing)
        except BaseException:
            self.throw_away(lane)
            raise
        if answer.body is None:
            self.give_back(lane)
            return answer
        if outgoing.call.response_mode is ResponseMode.DETACHED:
            self._release_slot(lane)
        return evolve(answer, body=_BodyOnLane(answer.body, lane, self))

    async def aclose(self) -> None:
        self._is_closed = True
        lanes = [*self._free, *self._busy]
        self._free.clear()
        self._busy.clear()
        for lane in lanes:
            await lane.transport.aclose()
        if self._closing:
            await asyncio.wait(self._closing)

    async def abandon(self) -> None:
        self._is_closed = True
        sockets = [lane.socket for lane in (*self._free, *self._busy) if lane.socket is not None]
        let_go(self.loop, sockets, tasks=())

    @property
    def is_closed(self) -> bool:
        return self._is_closed

    async def _take(self) -> _Lane:
        """The lane that was used last, so that those not needed grow idle, or a new one."""
        await self._slots.acquire()
        if self._is_closed:
            self._slots.release()
            raise closed_error()
        if self._free and monotonic() - self._free[0].free_since > self._idle_seconds:
            self.throw_away(self._free.popleft())
        if self._free:
            lane = self._free.pop()
        else:
            route = self._route
            lane = _Lane(httpx.AsyncHTTPTransport(verify=route.tls, limits=ONE_CONNECTION, proxy=route.proxy))
        self._busy.add(lane)
        self._counted.add(lane)
        return lane

    def give_back(self, lane: _Lane) -> None:
        """Make a lane free for others."""
        self._busy.discard(lane)
        self._release_slot(lane)
        lane.free_since = monotonic()
        self._free.append(lane)

    def throw_away(self, lane: _Lane) -> asyncio.Task[None]:
        """Close a lane in a task of its own: the caller may be cancelled, and need not wait."""
        self._busy.discard(lane)
        self._release_slot(lane)
        task = self.loop.create_task(lane.transport.aclose())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
        return task

    def _release_slot(self, lane: _Lane) -> None:
        if lane in self._counted:
            self._counted.discard(lane)
            self._slots.release()


class _BodyOnLane:
    """A body that has a lane for itself until it is closed."""

    def __init__(self, body: Body, lane: _Lane, lanes: Lanes) -> None:
        self._body = body
        self._lane: _Lane | None = lane
        self._lanes = lanes
        self._is_read = False
        self._reading: asyncio.Task[bytes] | None = None

    async def read(self) -> bytes:
        """Read in a task of its own: a reader that is cancelled loses nothing, and breaks nothing of the lane."""
        if self._lanes.loop.is_closed():
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
            if self._lanes.is_closed:
                raise closed_error() from None
            raise
        self._is_read = not chunk
        return chunk

    async def aclose(self) -> None:
        lane, self._lane = self._lane, None
        # In a closed event loop it is the store that closes the connection.
        if lane is None or self._lanes.loop.is_closed():
            return
        if self._is_read and not self._lanes.is_closed:
            self._lanes.give_back(lane)
            return
        # It is waited for, so that all is done when whoever closes it ends the event loop next.
        ending: list[asyncio.Task[Any]] = [self._lanes.throw_away(lane)]
        if self._reading is not None:
            self._reading.add_done_callback(lambda task: task.cancelled() or task.exception())
            self._reading.cancel()
            ending.append(self._reading)
        await asyncio.wait(ending)


async def _exchange(lane: _Lane, request: httpx.Request, outgoing: Outgoing) -> Response:
    started = perf_counter()
    try:
        response = await lane.transport.handle_async_request(request)
        # Fakes of the transport have none.
        stream = response.extensions.get("network_stream")
        lane.socket = stream and stream.get_extra_info("socket")
        close_if_unread(response, method=request.method)
        return await read_answer(response, outgoing, started)
    except NETWORK_ERRORS as error:
        raise connection_error(error, outgoing) from error
