"""Rate limits as the service's framework counts them (docs/service.md, section 4), in sliding windows."""

import time
from collections import deque
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Literal

ThrottleScope = Literal["default", "mcp_oauth", "mcp_proxy"]
"""Which calls are counted together."""


class Throttle:
    """The rates of each scope, as calls per seconds, and the calls counted against them."""

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
            # One by one, and all of them: a call that one rate refuses still counts against the others.
            waits = [history.count(now) for history in histories]
        return max((wait for wait in waits if wait is not None), default=None)


class _CallHistory:
    """One rate's calls of one caller, oldest first."""

    def __init__(self, calls: int, seconds: float) -> None:
        self._calls = calls
        self._seconds = seconds
        self._times: deque[float] = deque()

    def count(self, now: float) -> float | None:
        """Record the call, or refuse it without a trace and return how long to wait."""
        while self._times and self._times[0] <= now - self._seconds:
            self._times.popleft()
        if len(self._times) < self._calls:
            self._times.append(now)
            return None
        oldest = self._times[0] if self._times else now  # a rate of no calls at all has none
        return self._seconds - (now - oldest)
