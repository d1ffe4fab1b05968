"""Pacing for many processes on one budget (extra `redis`)."""

import asyncio
from typing import Self

from .._core.call import RateLimitScope
from .._core.errors import ConfigurationError
from .._core.loop_local import LoopLocal
from .._core.secret import Secret
from .local import SERVICE_RATES, Rates, checked_rates, make_locks


class RedisRateLimiter:
    """Paces the calls of many processes by one budget, kept in Redis and counted by the `limits` library.

    No window ever holds more than its rate. Where processes race for the last place, a place in another window may be
    lost. Within a process calls are let go in the order in which they came; among processes it is chance. The clocks of
    the processes have to agree: a window is off by as much as they differ. A process whose clock is far ahead keeps the
    others waiting while it fills the window; they look again whenever the window's length has passed.

    What Redis forgets was never counted: after a restart without persistence, or a failover to a replica that had not
    heard of the last calls yet, as many more may be let go within the same window, and the service may refuse them.

    While Redis can't be reached, or what answers is no Redis, no call is sent but an MCPStoreError raised, after a few
    tries within a second if it refuses and within 20 if it is silent. Sending unpaced would spend what other processes
    count on, and calls refused for that make the service's hour longer.

    After a failover, calls go on once `url` leads to the new primary: a connection to a server that has become a
    replica is dropped, and Redis asked once more over a new one. Redis Cluster is not supported. Where a connection
    breaks before Redis has confirmed that it counted a call, the call is counted again, so up to three times in all.
    """

    def __init__(self, url: str, *, rates: Rates = SERVICE_RATES, prefix: str = "posthog-mcp-store") -> None:
        """Nothing is sent to Redis until the first call.

        Args:
            url: `redis://user:password@host:port/database`, `rediss://` for TLS, or `unix://` for a socket. Options of
                redis-py can stand in its query, such as `?socket_timeout=2`.
            rates: As for LocalRateLimiter, in whole seconds. The same in all processes: each rate has its own count.
            prefix: Whose budget it is: the keys in Redis start with `LIMITS:` and it. The service counts ordinary calls
                per API key and the others per user, so where the processes act for several users, put the user's id
                into it. Never the API key: Redis shows it.

        Raises:
            ConfigurationError: A value is wrong, or the extra is not installed.
        """
        address = Secret(url)
        del url
        try:
            from .redis_budget import Budget, make_counters, make_pool  # noqa: PLC0415  # it imports the extra
        except ImportError:
            raise ConfigurationError('RedisRateLimiter needs: pip install "posthog-mcp-store[redis]"') from None
        counters = make_counters(checked_rates(rates), prefix)
        make_pool(address)
        self._budgets = LoopLocal(lambda: Budget(address, counters))
        self._turns = make_locks()
        self._is_closed = False

    async def acquire(self, scope: RateLimitScope, /) -> None:
        """Wait until one more call may be sent under this limit, and count it.

        Cancelling it while it waits counts nothing; at the moment in which it asks Redis, the call may be counted.

        Raises:
            ConfigurationError: The limiter is closed.
            MCPStoreError: Redis did not answer, or with an error, which is this one's cause.
        """
        async with self._turns[scope].get():
            while (wait := await self._try_acquire(scope)) > 0:  # noqa: ASYNC110  # only time makes room
                await asyncio.sleep(wait)

    async def _try_acquire(self, scope: RateLimitScope) -> float:
        if self._is_closed:
            raise ConfigurationError("this RedisRateLimiter is closed: create a new one")
        return await self._budgets.get().try_acquire(scope)

    async def aclose(self) -> None:
        """Close the connections to Redis. Calls after that raise an error.

        Only those of the running event loop: where there are several loops, make a limiter for each, with one prefix.
        """
        self._is_closed = True
        await self._budgets.get().aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
