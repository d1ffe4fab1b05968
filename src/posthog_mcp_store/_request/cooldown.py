"""The service's rate limits as this client sees them: what one call is told by a 429 holds for all that come after it.

A gate is open until the service refuses a call. Then the calls under that limit form a line, in which the first one
waits until the service's window has passed, and the others go one by one behind it.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from .._core.call import Call
from .._core.errors import RateLimitError

LONGEST_COOLDOWN = 3600.0
"""The service's longest window (docs/service.md, section 4). A longer wait is a mistake, and must not shut us out."""
STEP_SECONDS = 1.0
"""How long a call that is not answered yet keeps the next one waiting: calls of the proxy may take minutes."""


class Cooldown:
    """One of the limits, for all calls of one store and its views."""

    def __init__(self) -> None:
        self._ends_at = 0.0
        self._refusal: RateLimitError | None = None
        self._queue: asyncio.Lock | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._queued = 0

    @contextmanager
    def slot(self, call: Call) -> Iterator["CooldownSlot"]:
        """One call's way through the gate, all its attempts included."""
        slot = CooldownSlot(self, call)
        try:
            yield slot
        finally:
            slot.release()

    async def join(self, at_most: float, call: Call) -> asyncio.Lock | None:
        """Wait for one's place at the head of the line; None where there is no line.

        Raises:
            RateLimitError: The gate stays shut for longer than `patience` seconds.
        """
        queue = self._current_queue()
        if queue is None:
            return None
        self.refuse_if_longer_than(at_most, call)
        self._queued += 1
        try:
            await queue.acquire()
        finally:
            self._queued -= 1
        return queue

    async def wait(self, at_most: float, call: Call) -> None:
        """Wait at the head of the line.

        Raises:
            RateLimitError: The gate stays shut for longer than `patience` seconds.
        """
        while (wait := self._ends_at - monotonic()) > 0:
            self.refuse_if_longer_than(at_most, call)
            await asyncio.sleep(wait)

    def refuse_if_longer_than(self, at_most: float, call: Call) -> None:
        wait = self._ends_at - monotonic()
        if wait > at_most and self._refusal is not None:
            raise _not_sent(self._refusal, call, wait)

    def start(self, seconds: float, refusal: RateLimitError) -> None:
        """Let nobody pass for so long, and after that one by one."""
        self._ends_at = max(self._ends_at, monotonic() + min(seconds, LONGEST_COOLDOWN))
        self._refusal = refusal
        if self._current_queue() is None:
            self._queue = asyncio.Lock()

    def leave(self, queue: asyncio.Lock) -> None:
        """Make room for the next in line; behind the last one the gate stands open."""
        queue.release()
        if self._queued == 0 and self._ends_at <= monotonic():
            self._queue = self._refusal = None

    def _current_queue(self) -> asyncio.Lock | None:
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            # The line of an event loop that has ended holds nobody any more.
            self._loop, self._queued = loop, 0
            self._queue = asyncio.Lock() if self._ends_at > monotonic() else None
        return self._queue


class CooldownSlot:
    """Where one call stands: outside the line, or at its head."""

    def __init__(self, cooldown: Cooldown, call: Call) -> None:
        self._cooldown = cooldown
        self._call = call
        self._queue: asyncio.Lock | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def acquire(self, at_most: float) -> None:
        """Wait until an attempt may be sent.

        Raises:
            RateLimitError: That takes longer than `patience` seconds. Nothing was sent.
        """
        if self._queue is None:
            self._queue = await self._cooldown.join(at_most, self._call)
        if self._queue is not None:
            await self._cooldown.wait(at_most, self._call)

    def sent(self) -> None:
        """The attempt is on its way: the next in line waits for its answer, but not for long."""
        if self._queue is not None:
            self._timer = asyncio.get_running_loop().call_later(STEP_SECONDS, self.release)

    def refused(self, seconds: float, refusal: RateLimitError) -> None:
        """The service refused the attempt. Who stood at the head of the line stays there."""
        self._stop_timer()
        self._cooldown.start(seconds, refusal)

    def release(self) -> None:
        """Let the next one pass."""
        self._stop_timer()
        queue, self._queue = self._queue, None
        if queue is not None:
            self._cooldown.leave(queue)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _not_sent(refusal: RateLimitError, call: Call, wait: float) -> RateLimitError:
    """What a call is told that would have to wait too long for what another was refused."""
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
