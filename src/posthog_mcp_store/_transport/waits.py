"""Waiting in the task of a caller, until it is done, out of time, or ended by closing."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


class Waits:
    """What callers wait for in one place."""

    def __init__(self) -> None:
        self._under_way: dict[asyncio.Timeout, asyncio.Future[None]] = {}

    async def within(self, work: Awaitable[T], seconds: float | None = None) -> T:
        """Await `work` for so long at most, and only until `end` is called. Other cancellations pass through.

        Raises:
            TimeoutError: The time is up, or `end` was called.
        """
        timer = asyncio.timeout(seconds)
        ended = self._under_way[timer] = asyncio.get_running_loop().create_future()
        try:
            async with timer:
                return await work
        finally:
            del self._under_way[timer]
            ended.set_result(None)

    async def end(self) -> None:
        """Cancel all that is waited for, as if its time was up, and return when it has ended."""
        if not self._under_way:
            # A store that was not used can be closed without asyncio.
            return
        loop = asyncio.get_running_loop()
        # Nothing of an event loop that was closed without ending its tasks can be waited for.
        under_way = {timer: ended for timer, ended in self._under_way.items() if ended.get_loop() is loop}
        for timer in under_way:
            if not timer.expired():
                timer.reschedule(loop.time())
        if under_way:
            await asyncio.wait([*under_way.values()])
