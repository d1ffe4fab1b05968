"""The time limit for a whole call."""

import asyncio
import math
from collections.abc import Awaitable
from time import monotonic
from typing import TypeVar

from .._core.errors import APITimeoutError

T = TypeVar("T")


class Deadline:
    """The `deadline` of a call, which bounds its attempts, its waits and reading its response."""

    def __init__(self, seconds: float | None, call: str, *, method: str, url: str) -> None:
        """`call` is how the error names it; `method` and `url` are attributes of the error."""
        self._seconds = seconds
        self._call = call
        self._method = method
        self._url = url
        self.is_sent = True
        """Whether the service may have acted on the call by now: `is_sent` of the error."""
        self._ends_at = math.inf if seconds is None else monotonic() + seconds
        self._timer: asyncio.Timeout | None = None

    @property
    def remaining(self) -> float:
        """Seconds left; infinite if no deadline is set."""
        return self._ends_at - monotonic()

    @property
    def has_passed(self) -> bool:
        """True once it has cancelled what was awaited."""
        return self._timer is not None and self._timer.expired()

    async def hold(self, work: Awaitable[T]) -> T:
        """Await a part of the call, at most until the deadline.

        Raises:
            APITimeoutError: The deadline has passed.
        """
        if self._seconds is None:
            return await work
        timer = self._timer = asyncio.timeout(self.remaining)
        try:
            async with timer:
                return await work
        except TimeoutError:
            # An attempt's own APITimeoutError is one too.
            if not timer.expired():
                raise
        raise self.error()

    def error(self) -> APITimeoutError:
        """The error of a call that did not finish in time."""
        message = f"{self._call}: did not finish within its deadline of {self._seconds:g} s"
        return APITimeoutError(message, method=self._method, url=self._url, is_sent=self.is_sent)
