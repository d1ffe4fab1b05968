"""The state shared by a store and its views: connections, cool-downs, closing, and which warnings were logged."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial

from .._core.call import Call, RateLimitScope
from .._core.headers import Headers
from .._core.secret import Secret
from .._core.text import single_line
from .._ratelimit.protocol import RateLimiter
from .._transport.protocol import RequestSender, closed_error
from .._transport.waits import Waits
from .api_prefix import LearnedPrefix
from .cooldown import Cooldown

logger = logging.getLogger(__name__)


class StoreState:
    """The shared state of a store and its views."""

    def __init__(self, transport: RequestSender, rate_limiter: RateLimiter | None, prefix: LearnedPrefix) -> None:
        self.transport = transport
        self.prefix = prefix
        self.rate_limiter = rate_limiter
        self._cooldowns: dict[RateLimitScope, Cooldown] = {}
        self._has_warned = False
        self._waits = Waits()
        self._is_closed = False

    async def pause(self, seconds: float) -> None:
        """Sleep between attempts. Raises the errors of `wait`."""
        await self.wait(partial(asyncio.sleep, seconds))

    async def pace(self, scope: RateLimitScope) -> None:
        """Wait for the rate limiter, if there is one. Raises the errors of `wait` and those of the limiter."""
        if self.rate_limiter is not None:
            await self.wait(partial(self.rate_limiter.acquire, scope))

    async def wait(self, until: Callable[[], Awaitable[None]]) -> None:
        """Wait while no attempt is in progress, at most until the store is closed.

        Raises:
            ConfigurationError: The store is closed, or was closed during the wait.
        """
        if not self._is_closed:
            try:
                return await self._waits.within(until())
            except TimeoutError:
                # A user's rate limiter may raise one, too.
                if not self._is_closed:
                    raise
        raise closed_error()

    async def aclose(self) -> None:
        """End the calls in progress, those between two attempts first, and close the connections."""
        self._is_closed = True
        await self._waits.end()
        await self.transport.aclose()

    def cooldown(self, scope: RateLimitScope) -> Cooldown:
        if scope not in self._cooldowns:
            self._cooldowns[scope] = Cooldown(self.pause)
        return self._cooldowns[scope]

    def warn_of_deprecation(self, call: Call, headers: Headers, api_key: Secret) -> None:
        """Log a warning, once, if the service announces that a path is deprecated (RFC 9745, RFC 8594)."""
        if self._has_warned or not ("Deprecation" in headers or "Sunset" in headers):
            return
        self._has_warned = True
        dates = (api_key.redact(headers.get(name, "not given")) for name in ("Deprecation", "Sunset"))
        since, end = (single_line(date, limit=100) for date in dates)
        logger.warning(
            "the service is retiring %s (Deprecation: %s, Sunset: %s)",
            call.path_template,
            since,
            end,
        )
