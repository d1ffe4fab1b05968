"""Rate limits as the service's framework counts them (service facts, section 4). Windows slide."""

import time
from collections import deque
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Literal

Limit = Literal["default", "mcp_oauth", "mcp_proxy"]
"""The calls that are counted together."""

Rate = tuple[int, float]
"""So many calls in so many seconds."""


class Throttle:
    """The rates of each limit, and what was counted against them."""

    def __init__(self, rates: Mapping[Limit, Sequence[Rate]]) -> None:
        self._rates = rates
        self._windows: dict[tuple[Limit, str], list[_Window]] = {}
        self._lock = Lock()

    def count(self, limit: Limit, caller: str) -> float | None:
        """Count a call in every window of the limit. Where one refuses it, the longest wait in seconds."""
        with self._lock:
            windows = self._windows.setdefault((limit, caller), [_Window(*rate) for rate in self._rates.get(limit, ())])
            now = time.monotonic()
            # One by one, and all of them: a call that one window refuses still uses up the others.
            waits = [window.count(now) for window in windows]
        return max((wait for wait in waits if wait is not None), default=None)


class _Window:
    """One rate's calls of one caller, oldest first."""

    def __init__(self, calls: int, seconds: float) -> None:
        self._calls = calls
        self._seconds = seconds
        self._times: deque[float] = deque()

    def count(self, now: float) -> float | None:
        """Take the call in; or refuse it, leaving no trace, and say how long the wait is."""
        while self._times and self._times[0] <= now - self._seconds:
            self._times.popleft()
        if len(self._times) < self._calls:
            self._times.append(now)
            return None
        oldest = self._times[0] if self._times else now  # a rate of no calls at all has none
        return self._seconds - (now - oldest)
