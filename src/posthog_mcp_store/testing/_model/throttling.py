"""Rate limits with sliding windows, counted as the service's framework does (docs/service.md, section 4)."""

import time
from collections import deque
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Literal

ThrottleScope = Literal["default", "mcp_oauth", "mcp_proxy"]
"""A group of calls that are counted together."""


class Throttle:
    """The rates of each scope, as pairs of calls and seconds, and the calls counted against them."""

    def __init__(self, rates: Mapping[ThrottleScope, Sequence[tuple[int, float]]]) -> None:
        self._rates = rates
        self._histories: dict[tuple[ThrottleScope, str], list[_CallHistory]] = {}
        self._lock = Lock()

    def count(self, scope: ThrottleScope, caller: str) -> float | None:
        """Count a call against every rate of the scope. If any refuses it, return the longest wait in seconds."""
        with self._lock:
            rates = self._rates.get(scope, ())
            histories = self._histories.setdefault((scope, caller), [_CallHistory(*rate) for rate in rates])
            now = time.monotonic()
            # No short circuit: a call that one rate refuses still counts against the others.
            waits = [history.count(now) for history in histories]
        return max((wait for wait in waits if wait is not None), default=None)


class _CallHistory:
    """The calls of one caller that count against one rate, oldest first."""

    def __init__(self, calls: int, seconds: float) -> None:
        self._calls = calls
        self._seconds = seconds
        self._times: deque[float] = deque()

    def count(self, now: float) -> float | None:
        """Record the call; or refuse it, without recording it, and return the seconds to wait."""
        while self._times and self._times[0] <= now - self._seconds:
            self._times.popleft()
        if len(self._times) < self._calls:
            self._times.append(now)
            return None
        oldest = self._times[0] if self._times else now  # a rate of 0 calls never records any
        return self._seconds - (now - oldest)
