"""The SDK's own connections: lanes side by side, each of one connection that one call at a time has for itself.

httpx's pool finds a connection by walking over all connections and all that wait for one, on every request; a lane
that is free is simply taken. And a lane that was cancelled is thrown away, where a pool would keep its wreck: httpcore
1.0.9 counts a connection that was cancelled at the wrong moment as in use for ever.
"""

import asyncio
from collections import deque
from time import perf_counter
from typing import Any

import httpx
from attrs import define, evolve, field

from ._answer import Answer, Body
from ._body import read_answer
from ._closed_loop import let_go
from ._errors import APIConnectionError, MCPStoreError
from ._exchange import NETWORK_ERRORS, Outgoing, bare_request, closed_error, connection_error, left_behind_error
from ._operations import Delivery
from ._progress import Progress
from ._route import Route
from ._unread import close_if_unread
from ._waits import Waits

IDLE_SECONDS = 5.0
"""A connection unused for so long is closed: servers drop idle ones, and a request that meets that is lost."""
ONE_CONNECTION = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=None)


@define(eq=False)
class _Lane:
    transport: httpx.AsyncHTTPTransport
    progress: Progress = field(factory=Progress)
    free_since: float = 0.0

    async def aclose(self) -> None:
        await self.progress.close()
        await self.transport.aclose()


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
        self._idle_timer: asyncio.TimerHandle | None = None
        self._waits = Waits()
        self.loop = asyncio.get_running_loop()
        self._is_closed = False

    @property
    def leaves_connections(self) -> bool:
        return False

    async def send(self, outgoing: Outgoing) -> Answer:
        request = bare_request(outgoing)
        lane = await self._take()
        try:
            answer = await self._waits.within(_exchange(lane, request, outgoing))
        except BaseException as error:
            self.throw_away(lane)
            if not self._is_closed or not isinstance(error, TimeoutError):
                raise
        else:
            return self._handed_up(answer, lane, outgoing)
        raise _closed_meanwhile(lane, outgoing)

    def _handed_up(self, answer: Answer, lane: _Lane, outgoing: Outgoing) -> Answer:
        if answer.body is None:
            self.give_back(lane)
            return answer
        if outgoing.call.delivery is Delivery.APART:
            self._release_slot(lane)
        return evolve(answer, body=_BodyOnLane(answer.body, lane, self))

    async def aclose(self) -> None:
        self._is_closed = True
        await self._waits.end()
        for lane in [*self._free, *self._busy]:
            self.throw_away(lane)
        self._forget_idle()
        if self._closing:
            await asyncio.wait(self._closing)

    async def abandon(self) -> None:
        self._is_closed = True
        sockets = [lane.progress.socket for lane in (*self._free, *self._busy)]
        let_go(self.loop, [socket for socket in sockets if socket is not None], self._closing)
        self._forget_idle()

    @property
    def is_closed(self) -> bool:
        return self._is_closed

    async def _take(self) -> _Lane:
        """The lane that was used last, so that those not needed grow idle, or a new one."""
        await self._slots.acquire()
        if self._is_closed:
            self._slots.release()
            raise closed_error()
        self._close_idle()
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
        lane.free_since = self.loop.time()
        self._free.append(lane)
        if self._idle_timer is None:
            self._watch_idle()

    def throw_away(self, lane: _Lane) -> asyncio.Task[None]:
        """Close a lane in a task of its own: the caller may be cancelled, and need not wait."""
        self._busy.discard(lane)
        self._release_slot(lane)
        task = self.loop.create_task(lane.aclose())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
        return task

    def _close_idle(self) -> None:
        """Close all that were free for too long. The one that has been free for longest is the first."""
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


def _closed_meanwhile(lane: _Lane, outgoing: Outgoing) -> MCPStoreError:
    """The error for a call that closing ended: whether the service may have acted on it is worth knowing."""
    if lane.progress.is_begun:
        return connection_error(httpx.ReadError("this MCPStore was closed"), outgoing)
    return closed_error()


async def _exchange(lane: _Lane, request: httpx.Request, outgoing: Outgoing) -> Answer:
    started = perf_counter()
    request.extensions["trace"] = lane.progress
    try:
        response = await lane.transport.handle_async_request(request)
        close_if_unread(response, method=request.method)
        return await read_answer(response, outgoing, started)
    except NETWORK_ERRORS as error:
        raise connection_error(error, outgoing) from error
