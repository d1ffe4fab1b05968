"""Cool-down after a 429: if the service rejects one call, it rejects all calls under the same limit.

Calls pass freely until the service rejects one. Then the calls under that limit queue: the first of them waits until
the service's window has passed, and the others follow one at a time.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from copy import copy
from time import monotonic

from .._core.call import Call
from .._core.errors import RateLimitError

Pause = Callable[[float], Awaitable[None]]
"""Sleeps for a number of seconds, or raises an error if the store is closed in the meantime."""

MAX_COOLDOWN = 3600.0
"""The service's longest window (docs/service.md, section 4). A longer wait is a mistake of the service or a gateway."""
STEP_SECONDS = 1.0
"""How long a call without a response delays the next one: proxy calls may take minutes."""


class Cooldown:
    """The cool-down of one of the service's limits, for all calls with the keys of one owner."""

    __slots__ = ("_ends_at", "_loop", "_pause", "_queue", "_queued", "_refusal")

    def __init__(self, pause: Pause) -> None:
        self._pause = pause
        self._ends_at = 0.0
        self._refusal: RateLimitError | None = None
        self._queue: asyncio.Lock | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._queued = 0

    @property
    def left(self) -> float:
        """Seconds until the cool-down is over; negative if it is."""
        return self._ends_at - monotonic()

    @contextmanager
    def slot(self, call: Call) -> Iterator["CooldownSlot"]:
        """The place of a call in the cool-down, for all its attempts."""
        slot = CooldownSlot(self, call)
        try:
            yield slot
        finally:
            slot.release()

    async def join(self, at_most: float, call: Call) -> asyncio.Lock | None:
        """Wait for the head of the queue; None if there is no queue.

        Raises:
            RateLimitError: The cool-down lasts longer than `at_most` seconds.
        """
        queue = self._current_queue()
        if queue is None:
            return None
        self._refuse_if_longer_than(at_most, call)
        self._queued += 1
        try:
            await queue.acquire()
        finally:
            self._queued -= 1
        return queue

    async def wait(self, at_most: float, call: Call) -> None:
        """Wait at the head of the queue until the cool-down is over.

        Raises:
            ConfigurationError: The store was closed.
            RateLimitError: That takes longer than `at_most` seconds.
        """
        while (wait := self._ends_at - monotonic()) > 0:
            self._refuse_if_longer_than(at_most, call)
            await self._pause(wait)

    def start(self, seconds: float, refusal: RateLimitError) -> None:
        """Hold all calls for a number of seconds, and then let them pass one at a time."""
        self._ends_at = max(self._ends_at, monotonic() + min(seconds, MAX_COOLDOWN))
        # A copy, because the error that is raised holds its traceback, and with it a view that may be dropped.
        self._refusal = copy(refusal)
        if self._current_queue() is None:
            self._queue = asyncio.Lock()

    def leave(self, queue: asyncio.Lock) -> None:
        """Let the next call in the queue pass; after the last one, calls pass freely again."""
        queue.release()
        if self._queued == 0 and self._ends_at <= monotonic():
            self._queue = self._refusal = None

    def _refuse_if_longer_than(self, at_most: float, call: Call) -> None:
        wait = self._ends_at - monotonic()
        if wait > at_most and self._refusal is not None:
            raise _not_sent(self._refusal, call, wait)

    def _current_queue(self) -> asyncio.Lock | None:
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            # The queue of an event loop that has ended is empty.
            self._loop, self._queued = loop, 0
            self._queue = asyncio.Lock() if self._ends_at > monotonic() else None
        return self._queue


class CooldownSlot:
    """The place of a call: outside the queue, or at its head."""

    def __init__(self, cooldown: Cooldown, call: Call) -> None:
        self._cooldown = cooldown
        self._call = call
        self._queue: asyncio.Lock | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def acquire(self, at_most: float) -> None:
        """Wait until an attempt may be sent.

        Raises:
            ConfigurationError: The store was closed.
            RateLimitError: That takes longer than `at_most` seconds. Nothing was sent.
        """
        if self._queue is None:
            self._queue = await self._cooldown.join(at_most, self._call)
        if self._queue is not None:
            await self._cooldown.wait(at_most, self._call)

    def sent(self) -> None:
        """Record that the attempt was sent: the next call waits for its response, but not for long."""
        self._stop_timer()
        if self._queue is not None:
            self._timer = asyncio.get_running_loop().call_later(STEP_SECONDS, self.release)

    def refused(self, seconds: float, refusal: RateLimitError) -> None:
        """Record that the service rejected the attempt. A call at the head of the queue keeps its place."""
        self._stop_timer()
        self._cooldown.start(seconds, refusal)

    def release(self) -> None:
        """Let the next call pass."""
        self._stop_timer()
        queue, self._queue = self._queue, None
        if queue is not None:
            self._cooldown.leave(queue)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _not_sent(refusal: RateLimitError, call: Call, wait: float) -> RateLimitError:
    """The error for a call that would have to wait too long after another one was rejected."""
    return RateLimitError(
        f"{call.method} {call.path} was not sent: the service refused a call under the same limit and takes the next "
        f"one in {wait:.0f} s",
        status_code=refusal.status_code,
        headers=refusal.headers,
        body=refusal.body,
        method=call.method,
        url=call.url,
        type=refusal.type,
        code=refusal.code,
        detail=refusal.detail,
        retry_after=wait,
    )
