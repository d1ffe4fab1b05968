"""Pacing: how many calls the service takes under each of its limits, and waiting until it takes one more."""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from threading import Lock
from time import monotonic
from types import MappingProxyType
from typing import Protocol, get_args

from attrs import frozen

from .._core import validation
from .._core.call import RateLimitScope
from .._core.errors import ConfigurationError
from .._core.loop_local import LoopLocal
from .._core.text import short_repr

SCOPES: tuple[RateLimitScope, ...] = get_args(RateLimitScope)


@frozen
class Rate:
    """So many calls and no more in any stretch of so many seconds."""

    calls: int
    seconds: float

    def __attrs_post_init__(self) -> None:
        validation.at_least(1, self.calls, "calls")
        validation.seconds(self.seconds, "seconds")


Rates = Mapping[RateLimitScope, Sequence[Rate]]
"""What holds under each limit, all at once. A limit that is not named, or has no rates, does not hold."""

SERVICE_RATES: Mapping[RateLimitScope, tuple[Rate, ...]] = MappingProxyType(
    {
        "default": (Rate(480, 60), Rate(4800, 3600)),
        "mcp_oauth": (Rate(10, 60), Rate(50, 3600)),
        "mcp_proxy": (Rate(60, 60), Rate(600, 3600)),
    }
)
"""What the hosted service takes (docs/service.md, section 4): ordinary calls per API key, the others per user."""


def checked_rates(rates: Rates) -> dict[RateLimitScope, tuple[Rate, ...]]:
    """The rates of every limit, the shortest stretch first.

    Raises:
        ConfigurationError: They are not of the form of SERVICE_RATES.
    """
    if not isinstance(rates, Mapping):
        raise ConfigurationError(f"rates must be a mapping from limits to their rates, not {short_repr(rates)}")
    for scope, each in rates.items():
        if scope not in SCOPES:
            raise ConfigurationError(f"rates can't name {short_repr(scope)}: the limits are {', '.join(SCOPES)}")
        if not isinstance(each, tuple | list) or not all(isinstance(rate, Rate) for rate in each):
            raise ConfigurationError(f"rates[{scope!r}] must be a tuple of Rate, not {short_repr(each)}")
    return {scope: tuple(sorted(rates.get(scope, ()), key=lambda rate: rate.seconds)) for scope in SCOPES}


class RateLimiter(Protocol):
    """What paces the calls of a store. Any object with this method does."""

    async def acquire(self, scope: RateLimitScope, /) -> None:
        """Wait until one more call may be sent under this limit, and count it.

        It is asked before every attempt, retries included. Cancelling it while it waits counts nothing.
        """


def make_locks() -> dict[RateLimitScope, LoopLocal[asyncio.Lock]]:
    """For each limit, a line to wait in: first come, first served, and only the first has to look at the clock."""
    return {scope: LoopLocal(asyncio.Lock) for scope in SCOPES}


class SlidingWindows:
    """The calls counted under one limit, as far back as its rates reach: per rate no more than it allows."""

    def __init__(self, rates: Sequence[Rate]) -> None:
        self._counted = [(rate, deque[float](maxlen=rate.calls)) for rate in rates]

    def try_acquire(self, now: float) -> float:
        """Count a call at `now`, and answer 0; or count none, and answer the seconds until there is room for it.

        `now` is in seconds, on a clock that never goes back.
        """
        full = [(rate, times) for rate, times in self._counted if len(times) == rate.calls]
        wait = max((times[0] + rate.seconds - now for rate, times in full), default=0.0)
        if wait > 0:
            return wait
        for _, times in self._counted:
            times.append(now)
        return 0.0


class LocalRateLimiter:
    """Paces the calls of one process.

    Share one among the stores that draw on the same budget, in whatever event loops and threads they are. Calls are
    let go in the order in which they came; those of several event loops at once, in that of each loop.

    What is counted is when calls are sent. The service counts when they arrive, and may refuse one that came to it
    faster than those before it; for a margin, give rates with some more seconds.
    """

    def __init__(self, rates: Rates = SERVICE_RATES) -> None:
        """Limits that `rates` does not name are not paced.

        Raises:
            ConfigurationError: `rates` is not of the form of SERVICE_RATES.
        """
        self._windows = {scope: SlidingWindows(each) for scope, each in checked_rates(rates).items()}
        self._turns = make_locks()
        self._mutex = Lock()

    async def acquire(self, scope: RateLimitScope, /) -> None:
        """Wait until one more call may be sent under this limit, and count it. With room for it, that takes no time.

        Cancelling it while it waits counts nothing, and the next in line moves up.
        """
        async with self._turns[scope].get():
            while (wait := self._try_acquire(scope)) > 0:  # noqa: ASYNC110  # only time makes room
                await asyncio.sleep(wait)

    def _try_acquire(self, scope: RateLimitScope) -> float:
        # Held against other threads, and never while one waits.
        with self._mutex:
            return self._windows[scope].try_acquire(monotonic())
