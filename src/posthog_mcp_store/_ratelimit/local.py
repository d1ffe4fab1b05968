"""Client-side rate limiting within one process, and the service's own limits."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence
from threading import Lock
from time import monotonic
from types import MappingProxyType
from typing import get_args
from weakref import WeakValueDictionary

from attrs import frozen

from .._core import validation
from .._core.call import RateLimitScope
from .._core.errors import ConfigurationError
from .._core.loop_local import LoopLocal
from .._core.text import short_repr
from .protocol import RateLimiter

SCOPES: tuple[RateLimitScope, ...] = get_args(RateLimitScope)


@frozen
class Rate:
    """A maximum number of calls in any window of time.

    Attributes:
        calls: The number of calls, 1 or more.
        seconds: The length of the window.

    Raises:
        ConfigurationError: A value is not valid.
    """

    calls: int
    seconds: float

    def __attrs_post_init__(self) -> None:
        validation.at_least(1, self.calls, "calls")
        validation.seconds(self.seconds, "seconds")


Rates = Mapping[RateLimitScope, Sequence[Rate]]

SERVICE_RATES: Mapping[RateLimitScope, tuple[Rate, ...]] = MappingProxyType(
    {
        "default": (Rate(480, 60), Rate(4800, 3600)),
        "mcp_oauth": (Rate(10, 60), Rate(50, 3600)),
        "mcp_proxy": (Rate(60, 60), Rate(600, 3600)),
    }
)


def checked_rates(rates: Rates) -> dict[RateLimitScope, tuple[Rate, ...]]:
    """The rates of every limit, the shortest window first.

    Raises:
        ConfigurationError: `rates` does not have the form of SERVICE_RATES.
    """
    if not isinstance(rates, Mapping):
        raise ConfigurationError(f"rates must be a mapping from limits to their rates, not {short_repr(rates)}")
    for scope, each in rates.items():
        if scope not in SCOPES:
            raise ConfigurationError(f"rates can't name {short_repr(scope)}: the limits are {', '.join(SCOPES)}")
        if not isinstance(each, tuple | list) or not all(isinstance(rate, Rate) for rate in each):
            raise ConfigurationError(f"rates[{scope!r}] must be a tuple of Rate, not {short_repr(each)}")
    return {scope: tuple(sorted(rates.get(scope, ()), key=lambda rate: rate.seconds)) for scope in SCOPES}


class SlidingWindows:
    """The times of the latest calls under one limit: for each rate, at most as many as it allows."""

    def __init__(self, rates: Sequence[Rate]) -> None:
        self._counted = [(rate, deque[float](maxlen=rate.calls)) for rate in rates]

    def try_acquire(self, now: float) -> float:
        """Count a call at `now` and return 0, or count nothing and return the seconds until there is room for it.

        `now` is in seconds, by a clock that never goes back.
        """
        full = [(rate, times) for rate, times in self._counted if len(times) == rate.calls]
        wait = max((times[0] + rate.seconds - now for rate, times in full), default=0.0)
        if wait > 0:
            return wait
        for _, times in self._counted:
            times.append(now)
        return 0.0


class Turns:
    """A lock for each limit. Calls queue for it in order, and only the one that holds it checks the clock."""

    def __init__(self) -> None:
        self._locks: dict[RateLimitScope, LoopLocal[asyncio.Lock]] = {}

    def of(self, scope: RateLimitScope) -> asyncio.Lock:
        return self._locks.setdefault(scope, LoopLocal(asyncio.Lock)).get()


class Budgets:
    """A budget for each user. It is forgotten when none of its calls counts any more and nobody uses it."""

    def __init__(self, rates: Mapping[RateLimitScope, Sequence[Rate]]) -> None:
        self.rates = rates
        self._longest = max((rate.seconds for each in rates.values() for rate in each), default=0.0)
        self._known: WeakValueDictionary[str, Budget] = WeakValueDictionary()
        self._counting: OrderedDict[Budget, float] = OrderedDict()
        """Those with calls that still count, and when their latest call was: the oldest first."""
        # Guards against other threads, and is never held while waiting.
        self._mutex = Lock()

    def of(self, identity: str) -> "Budget":
        with self._mutex:
            budget = self._known.get(identity)
            if budget is None:
                budget = self._known[identity] = Budget(self)
            return budget

    def try_acquire(self, budget: "Budget", scope: RateLimitScope) -> float:
        """Count a call and return 0, or return the seconds until there is room for it."""
        with self._mutex:
            now = monotonic()
            wait = budget.windows(scope).try_acquire(now)
            if wait == 0:
                self._counting[budget] = now
                self._counting.move_to_end(budget)
                while next(iter(self._counting.values())) <= now - self._longest:
                    self._counting.popitem(last=False)
            return wait


class Budget:
    """The calls of one user that still count, and the turns of those that wait."""

    def __init__(self, budgets: Budgets) -> None:
        self._budgets = budgets
        self._windows: dict[RateLimitScope, SlidingWindows] = {}
        self._turns = Turns()

    async def acquire(self, scope: RateLimitScope, /) -> None:
        if not self._budgets.rates[scope]:
            return
        async with self._turns.of(scope):
            while (wait := self._budgets.try_acquire(self, scope)) > 0:  # noqa: ASYNC110  # only time makes room
                await asyncio.sleep(wait)

    def windows(self, scope: RateLimitScope) -> SlidingWindows:
        if scope not in self._windows:
            self._windows[scope] = SlidingWindows(self._budgets.rates[scope])
        return self._windows[scope]


class LocalRateLimiter:
    """Limits the rate of calls in one process.

    Share a limiter among all stores that use the same budget, whatever their event loops and threads. The calls of each
    API key are counted separately, and remembered even if no view with that key is left. Calls with one key are sent
    in the order in which they were made; with several event loops, in order within each loop.

    The limiter counts calls when they are sent. The service counts them when they arrive, so it may reject a call that
    was faster than those before it. For a safety margin, use rates with longer windows.
    """

    def __init__(self, rates: Rates = SERVICE_RATES) -> None:
        """Nothing is counted until the first call.

        Args:
            rates: The rates of each limit, which all apply at once. A limit that is missing or has no rates is not
                enforced. The default, SERVICE_RATES, has the limits of PostHog Cloud.

        Raises:
            ConfigurationError: `rates` does not have the form of SERVICE_RATES.
        """
        self._budgets = Budgets(checked_rates(rates))

    async def acquire(self, scope: RateLimitScope, /) -> None:
        """Wait until one more call may be sent under this limit, and count it. Returns immediately if there is room.

        These calls have their own budget, separate from those of `for_owner`. If a call is cancelled while it waits,
        nothing is counted and the next one in the queue moves up.

        Args:
            scope: The limit of the service that the call counts towards, see RateLimitScope.
        """
        await self._budgets.of("").acquire(scope)

    def for_owner(self, identity: str, /) -> RateLimiter:
        """The rate limiter of one user: always the same budget for the same identity.

        Args:
            identity: Any text. A store passes a hash of the user's API key.
        """
        return self._budgets.of(identity)
