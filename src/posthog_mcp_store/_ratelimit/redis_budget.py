"""A budget of calls in Redis, counted by the `limits` library. Imported only by who wants the extra `redis`."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from random import uniform
from typing import TypeVar

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from redis.asyncio import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from .._core.call import RateLimitScope
from .._core.errors import ConfigurationError
from .._core.secret import Secret
from .._core.text import short_repr
from .local import Rate
from .redis_failures import failure, further_tries

TIMEOUT = 5.0
"""Seconds for Redis to take a connection, and to answer."""
FIRST_BACKOFF = 0.05
JITTER = (0.005, 0.05)
"""Seconds between the end of a wait and the next try, so that processes that waited for the same moment do not collide.
Never none: a try that lost against another process must not be repeated at once."""

T = TypeVar("T")
Counters = Mapping[RateLimitScope, Sequence[RateLimitItem]]


class Budget:
    """The budget, over connections of one event loop."""

    def __init__(self, address: Secret, counters: Counters) -> None:
        self._pool = make_pool(address)
        # The address stays in the pool, out of the library's reach.
        storage = RedisStorage("redis://", implementation="redispy", connection_pool=self._pool)  # type: ignore[arg-type]
        self._windows = MovingWindowRateLimiter(storage)
        self._counters = counters
        self._is_closed = False

    async def try_acquire(self, scope: RateLimitScope) -> float:
        """Count a call and answer 0, or answer the seconds to wait before the next try.

        Raises:
            MCPStoreError: Redis did not answer, or with an error.
        """
        try:
            wait = await self._wait(scope)
            if wait == 0 and await self._count(scope):
                return 0.0
        except Exception as error:  # noqa: BLE001  # redis-py trips over foreign answers in many ways
            told = failure(error, Secret(self._pool.connection_kwargs.get("password") or ""))
        else:
            return wait + uniform(*JITTER)  # noqa: S311  # nothing secret hangs on it
        # Not within `except`: the error would be its context, and may quote the password.
        raise told

    async def _wait(self, scope: RateLimitScope) -> float:
        """Seconds until there is room in every window. All are asked before one is counted in."""
        stats = [await self._ask(self._windows.get_window_stats, item, scope) for item in self._counters[scope]]
        # The clock that the library counts by.
        waits = [
            bounded(each.reset_time - time.time(), item.get_expiry())
            for each, item in zip(stats, self._counters[scope], strict=True)
            if each.remaining <= 0
        ]
        return max(waits, default=0.0)

    async def _count(self, scope: RateLimitScope) -> bool:
        """Take a place in every window, unless other processes were faster in one.

        A place taken before that one is lost. So the shortest window comes first: most races are for a place in it, and
        those that are not cost a place that is soon free again.
        """
        for item in self._counters[scope]:
            if not await self._ask(self._windows.hit, item, scope):
                return False
        return True

    async def _ask(
        self, question: Callable[[RateLimitItem, str], Awaitable[T]], item: RateLimitItem, scope: RateLimitScope
    ) -> T:
        """The answer of the library, asked again on new connections after failures that may pass."""
        failures = 0
        while True:
            try:
                return await question(item, scope)
            except Exception as error:
                await self._drop_idle_connections()
                if self._is_closed or failures >= further_tries(error):
                    raise
            await asyncio.sleep(FIRST_BACKOFF * 2**failures)
            failures += 1

    async def _drop_idle_connections(self) -> None:
        with suppress(RedisError, OSError):
            await self._pool.disconnect(inuse_connections=False)

    async def aclose(self) -> None:
        """Close the connections, and open no new ones."""
        self._is_closed = True
        await self._pool.aclose()


def bounded(wait: float, window: float) -> float:
    """A wait of no longer than the window, whatever the clocks of others say; none if it is no number."""
    return max(0.0, min(wait, window))


def make_pool(address: Secret) -> ConnectionPool:
    """Connections, not opened yet.

    Raises:
        ConfigurationError: The address can't be read. It is not shown, nor the cause kept: it may hold a password.
    """
    # No frame of the error's may hold the connections either: their text shows the password.
    if isinstance(address.reveal(), str):
        with suppress(ValueError, TypeError, AttributeError, RedisError):
            return _read_address(address)
    raise ConfigurationError(
        "url must be a Redis URL, such as redis://127.0.0.1:6379/0, rediss:// for TLS or unix:// for a socket, with "
        "nothing but options of redis-py in its query, and %XX for what is neither letter nor digit in a password"
    )


def _read_address(address: Secret) -> ConnectionPool:
    # Asking again is up to the budget: redis-py knows nothing of failovers, and would count a call again and again.
    retry = Retry(NoBackoff(), 0)
    pool = ConnectionPool.from_url(
        address.reveal(), retry=retry, socket_connect_timeout=TIMEOUT, socket_timeout=TIMEOUT
    )
    # What the query says is looked at only here. This connection is never opened.
    pool.make_connection()  # type: ignore[no-untyped-call]
    return pool


def make_counters(rates: Mapping[RateLimitScope, Sequence[Rate]], prefix: object) -> Counters:
    """The rates as the library knows them.

    Raises:
        ConfigurationError: The library or Redis could not count so.
    """
    if not isinstance(prefix, str) or not re.fullmatch(r"[!-~]+", prefix):
        raise ConfigurationError(f"prefix must be visible ASCII text without spaces, not {short_repr(prefix)}")
    for rate in (rate for each in rates.values() for rate in each):
        if rate.seconds != int(rate.seconds):
            raise ConfigurationError(f"RedisRateLimiter takes rates of whole seconds, not {short_repr(rate.seconds)}")
    return {
        scope: [RateLimitItemPerSecond(rate.calls, int(rate.seconds), namespace=prefix) for rate in each]
        for scope, each in rates.items()
    }
