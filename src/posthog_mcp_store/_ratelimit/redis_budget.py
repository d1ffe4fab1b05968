"""A budget of calls in Redis, counted by the `limits` library. It is only imported with the extra `redis`."""

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
"""Seconds for Redis to accept a connection, and to reply."""
FIRST_BACKOFF = 0.05
JITTER = (0.005, 0.05)
"""Seconds added to a wait, so that processes that wait for the same moment do not collide. Never zero: a process that
lost a race for a place must not try again immediately."""

T = TypeVar("T")
Counters = Mapping[RateLimitScope, Sequence[RateLimitItem]]


class Budget:
    """The budgets of all users, accessed through the connections of one event loop."""

    def __init__(self, address: Secret, counters: Counters) -> None:
        self._pool = make_pool(address)
        # The address may hold a password: only the pool gets it, not the library.
        storage = RedisStorage("redis://", implementation="redispy", connection_pool=self._pool)  # type: ignore[arg-type]
        self._windows = MovingWindowRateLimiter(storage)
        self._counters = counters
        self._is_closed = False

    async def try_acquire(self, identity: str, scope: RateLimitScope) -> float:
        """Count a call of a user and return 0, or return the seconds to wait before the next try.

        Raises:
            MCPStoreError: Redis did not reply, or replied with an error.
        """
        # An empty part would remain in the key.
        place = f"{identity}/{scope}" if identity else scope
        try:
            wait = await self._wait(scope, place)
            if wait == 0 and await self._count(scope, place):
                return 0.0
        except Exception as error:  # noqa: BLE001  # on invalid replies, redis-py raises almost anything
            translated = failure(error, Secret(self._pool.connection_kwargs.get("password") or ""))
        else:
            return wait + uniform(*JITTER)  # noqa: S311  # not used for security
        # Raised outside the `except` block: its context would be the error, which may quote the password.
        raise translated

    async def _wait(self, scope: RateLimitScope, place: str) -> float:
        """Seconds until there is room in every window. All are checked before the call is counted in any."""
        stats = [await self._ask(self._windows.get_window_stats, item, place) for item in self._counters[scope]]
        # The library uses the same clock.
        waits = [
            limit_size(each.reset_time - time.time(), item.get_expiry())
            for each, item in zip(stats, self._counters[scope], strict=True)
            if each.remaining <= 0
        ]
        return max(waits, default=0.0)

    async def _count(self, scope: RateLimitScope, place: str) -> bool:
        """Count the call in every window, unless another process takes the last place in one.

        Places already taken in other windows are then lost. So the shortest window comes first: most races are for a
        place in it, and in others only a place that is soon free again is lost.
        """
        for item in self._counters[scope]:
            if not await self._ask(self._windows.hit, item, place):
                return False
        return True

    async def _ask(self, question: Callable[[RateLimitItem, str], Awaitable[T]], item: RateLimitItem, place: str) -> T:
        """Query the library. After transient failures, query it again over new connections."""
        failures = 0
        while True:
            try:
                return await question(item, place)
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
        """Close the connections and stop retrying."""
        self._is_closed = True
        await self._pool.aclose()


def limit_size(wait: float, window: float) -> float:
    """Limit a wait to the length of the window, whatever the clocks of other processes show; 0 if it is NaN."""
    return max(0.0, min(wait, window))


def make_pool(address: Secret) -> ConnectionPool:
    """A connection pool. No connection is opened yet.

    Raises:
        ConfigurationError: The address is not valid. It is not shown and the cause is dropped, since both may contain a
            password.
    """
    # No frame in the error's traceback may hold the pool, whose repr shows the password.
    if isinstance(address.reveal(), str):
        with suppress(ValueError, TypeError, AttributeError, RedisError):
            return _read_address(address)
    raise ConfigurationError(
        "url must be a Redis URL, such as redis://127.0.0.1:6379/0, rediss:// for TLS or unix:// for a socket. Its "
        "query may only contain options of redis-py, and special characters in a password must be percent-encoded"
    )


def _read_address(address: Secret) -> ConnectionPool:
    # The budget retries itself: redis-py does not handle failovers, and its retries would count a call repeatedly.
    retry = Retry(NoBackoff(), 0)
    pool = ConnectionPool.from_url(
        address.reveal(), retry=retry, socket_connect_timeout=TIMEOUT, socket_timeout=TIMEOUT
    )
    # redis-py checks the options of the query only when it makes a connection. This one is never opened.
    pool.make_connection()  # type: ignore[no-untyped-call]
    return pool


def make_counters(rates: Mapping[RateLimitScope, Sequence[Rate]], prefix: object) -> Counters:
    """The rates in the form that the library uses.

    Raises:
        ConfigurationError: The library or Redis does not support the rates or the prefix.
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
