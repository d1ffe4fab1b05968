"""Waiting in the caller's task, with a timeout, and until closing ends the wait."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


class Waits:
    """The waits of callers that can be ended together."""

    def __init__(self) -> None:
        self._under_way: dict[asyncio.Timeout, asyncio.Future[None]] = {}

    async def within(self, work: Awaitable[T], seconds: float | None = None) -> T:
        """Await `work` for at most `seconds`, and only until `end` is called. Other cancellations pass through.

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
        """Cancel all waits as if their time was up, and return once they have ended."""
        if not self._under_way:
            # An unused store can be closed without asyncio.
            return
        loop = asyncio.get_running_loop()
        # If another event loop was closed without ending its tasks, those can't be awaited here.
        under_way = {timer: ended for timer, ended in self._under_way.items() if ended.get_loop() is loop}
        for timer in under_way:
            if not timer.expired():
                timer.reschedule(loop.time())
        if under_way:
            await asyncio.wait([*under_way.values()])
