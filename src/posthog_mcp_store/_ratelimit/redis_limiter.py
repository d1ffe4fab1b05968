"""Rate limiting of many processes with a shared budget (extra `redis`)."""

import asyncio
from typing import Self

from .._core.call import RateLimitScope
from .._core.errors import ConfigurationError, MCPStoreError
from .._core.loop_local import LoopLocal
from .._core.secret import Secret
from .local import SERVICE_RATES, Rates, checked_rates, make_locks


class RedisRateLimiter:
    """Limits the rate of calls of many processes with a shared budget, kept in Redis and counted by `limits`.

    No window ever exceeds its rate. If processes race for the last place in a window, a place in another one may be
    lost. Calls are admitted in order within a process, and in no particular order among processes. The clocks of the
    processes have to agree: windows are off by as much as the clocks differ. A process whose clock is far ahead delays
    the others while it fills a window; they check again each time the length of the window has passed.

    If Redis loses data, after a restart without persistence or a failover to a replica that lacks the latest calls, the
    same number of calls may be admitted again in the same window, and the service may reject them.

    If Redis can't be reached, or the server is not a Redis, no call is sent and an MCPStoreError is raised after a few
    tries: within a second if connections are refused, and within 20 if there is no reply. Sending calls anyway would
    use up the budget of other processes, and the service counts the calls that it rejects, too.

    After a failover, calls continue once `url` leads to the new primary: connections to a server that has become a
    replica are dropped, and one new connection is tried. Redis Cluster is not supported. If a connection breaks before
    Redis has confirmed a call, the call is counted again, up to three times in all.
    """

    def __init__(self, url: str, *, rates: Rates = SERVICE_RATES, prefix: str = "posthog-mcp-store") -> None:
        """Nothing is sent to Redis until the first call.

        Args:
            url: `redis://user:password@host:port/database`, `rediss://` for TLS, or `unix://` for a socket. The query
                may contain options of redis-py, such as `?socket_timeout=2`.
            rates: As for LocalRateLimiter, but in whole seconds. They must be the same in all processes, because each
                rate has its own counter.
            prefix: Identifies the budget: keys in Redis start with `LIMITS:` and this prefix. The service counts
                ordinary calls per API key and the others per user. If the processes act for several users, include the
                user's id, but never the API key, which is visible in Redis.

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

        If it is cancelled while it waits, nothing is counted; during a request to Redis, the call may be counted.

        Raises:
            ConfigurationError: The limiter is closed.
            MCPStoreError: Redis did not reply, or replied with an error, which is the cause of this one.
        """
        async with self._turns[scope].get():
            while (wait := await self._try_acquire(scope)) > 0:  # noqa: ASYNC110  # only time makes room
                await asyncio.sleep(wait)

    async def _try_acquire(self, scope: RateLimitScope) -> float:
        if not self._is_closed:
            try:
                return await self._budgets.get().try_acquire(scope)
            except MCPStoreError:
                # Closing ends the requests to Redis that are on their way.
                if not self._is_closed:
                    raise
        raise ConfigurationError("this RedisRateLimiter is closed: create a new one")

    async def aclose(self) -> None:
        """Close the connections to Redis. Later calls raise an error.

        Only connections of the running event loop are closed. For several loops, create a limiter each, with the same
        prefix.
        """
        self._is_closed = True
        await self._budgets.get().aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
