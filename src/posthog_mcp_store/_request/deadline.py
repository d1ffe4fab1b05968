"""The time that one call has as a whole."""

import asyncio
import math
from collections.abc import Awaitable
from time import monotonic
from typing import TypeVar

from .._core.call import Call
from .._core.errors import APITimeoutError

T = TypeVar("T")


class Deadline:
    """What is left of the `deadline` of one call: for its attempts, its waits, and the parts of its answer."""

    def __init__(self, seconds: float | None, call: Call) -> None:
        self._seconds = seconds
        self._call = call
        self._ends_at = math.inf if seconds is None else monotonic() + seconds

    @property
    def remaining(self) -> float:
        """Seconds; infinite where no deadline was set."""
        return self._ends_at - monotonic()

    async def hold(self, work: Awaitable[T]) -> T:
        """Do a part of the call, for as long as there is time.

        Raises:
            APITimeoutError: The time is up.
        """
        if self._seconds is None:
            return await work
        timer = asyncio.timeout(self.remaining)
        try:
            async with timer:
                return await work
        except TimeoutError:
            # An attempt's own APITimeoutError is one too.
            if not timer.expired():
                raise
        call = self._call
        message = f"{call.method} {call.path}: not done within the deadline of {self._seconds:g} s"
        raise APITimeoutError(message, method=call.method, url=call.url)
