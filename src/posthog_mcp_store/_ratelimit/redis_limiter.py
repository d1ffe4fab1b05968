"""Rate limiting of many processes with a shared budget (extra `redis`)."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Self
from weakref import WeakValueDictionary

from .._core.call import RateLimitScope
from .._core.errors import ConfigurationError, MCPStoreError
from .._core.extras import missing_extra
from .._core.loop_local import LoopLocal
from .._core.secret import Secret
from .local import SERVICE_RATES, Rates, Turns, checked_rates
from .protocol import RateLimiter


class RedisRateLimiter:
    """Limits the rate of calls of many processes with a shared budget, kept in Redis and counted by `limits`.

    It needs the extra `redis`. The calls of each API key are counted separately, and no window ever exceeds its rate.
    Calls with one key are sent in order within a process, and in no particular order among processes. If processes
    compete for the last place in a window, a place in another window may be lost.

    The clocks of the processes must be synchronized: windows are off by as much as the clocks differ. A process whose
    clock is far ahead delays the others while it fills a window; they check again each time the length of the window
    has passed.

    If Redis can't be reached, or the server is not a Redis, calls are not sent, and raise an MCPStoreError after a few
    tries: within a second if connections are refused, and within 20 if there is no reply. Sending them anyway would use
    up the budget of other processes, because the service also counts the calls that it rejects.

    If Redis loses data, after a restart without persistence or a failover to a replica that lacks the latest calls, as
    many calls may be sent again in the same window, and the service may reject them. After a failover, calls continue
    once `url` leads to the new primary: connections to a server that has become a replica are dropped, and one new
    connection is tried. Redis Cluster is not supported. If a connection breaks before Redis has confirmed a call, the
    call is counted again, up to three times in all.
    """

    def __init__(self, url: str, *, rates: Rates = SERVICE_RATES, prefix: str = "posthog-mcp-store") -> None:
        """Nothing is sent to Redis until the first call.

        Args:
            url: `redis://user:password@host:port/database`, `rediss://` for TLS, or `unix://` for a socket. The query
                may contain options of redis-py, such as `?socket_timeout=2`.
            rates: As for LocalRateLimiter, but in whole seconds. They must be the same in all processes, because each
                rate has its own counter.
            prefix: Keys in Redis start with `LIMITS:`, this prefix, and a hash of the API key (HMAC-SHA256), which is
                the same in all processes. For a callable, it is a hash of the first key that the callable returns in a
                process, so processes that first get different keys have different budgets. Several keys of one user
                have different budgets, too, although the service counts them together under some limits.

        Raises:
            ConfigurationError: A value is not valid, or the extra is not installed.
        """
        address = Secret(url)
        del url
        try:
            from .redis_budget import Budget, make_counters, make_pool  # noqa: PLC0415  # it imports the extra
        except ImportError as error:
            raise missing_extra(error, "RedisRateLimiter", "redis") from None
        counters = make_counters(checked_rates(rates), prefix)
        make_pool(address)
        self._budgets = LoopLocal(lambda: Budget(address, counters))
        self._turns: WeakValueDictionary[str, Turns] = WeakValueDictionary()
        self._is_closed = False

    async def acquire(self, scope: RateLimitScope, /) -> None:
        """Wait until one more call may be sent under this limit, and count it.

        These calls have their own budget, separate from those of `for_owner`. If a call is cancelled while it waits,
        nothing is counted; during a request to Redis, it may be counted.

        Args:
            scope: The limit of the service that the call counts towards, see RateLimitScope.

        Raises:
            ConfigurationError: The limiter is closed.
            MCPStoreError: Redis did not reply, or replied with an error. The original error is its `__cause__`.
        """
        await self.for_owner("").acquire(scope)

    def for_owner(self, identity: str, /) -> RateLimiter:
        """The rate limiter of one user: the same budget for the same identity, in all processes.

        Args:
            identity: Any text. A store passes a hash of the user's API key.
        """
        return _OwnersLimiter(self._turns.setdefault(identity, Turns()), partial(self._try_acquire, identity))

    async def _try_acquire(self, identity: str, scope: RateLimitScope) -> float:
        if not self._is_closed:
            try:
                return await self._budgets.get().try_acquire(identity, scope)
            except MCPStoreError:
                # Closing ends the requests to Redis that are on their way.
                if not self._is_closed:
                    raise
        raise ConfigurationError("this RedisRateLimiter is closed: create a new one")

    async def aclose(self) -> None:
        """Close the connections to Redis. Later calls raise ConfigurationError.

        Only connections of the running event loop are closed. For several loops, create one limiter for each, with the
        same prefix.
        """
        self._is_closed = True
        await self._budgets.get().aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


class _OwnersLimiter:
    """The rate limiter of one user."""

    def __init__(self, turns: Turns, try_acquire: Callable[[RateLimitScope], Awaitable[float]]) -> None:
        self._turns = turns
        self._try_acquire = try_acquire

    async def acquire(self, scope: RateLimitScope, /) -> None:
        async with self._turns.of(scope):
            while (wait := await self._try_acquire(scope)) > 0:  # noqa: ASYNC110  # only time makes room
                await asyncio.sleep(wait)
