"""What belongs to the host, and is shared by a store and all its views: connections, closing, the paths' prefix."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial

from .._core.call import Call
from .._core.headers import Headers
from .._core.secret import Secret
from .._core.text import single_line
from .._transport.protocol import Connections, closed_error
from .._transport.waits import Waits
from .api_prefix import LearnedPrefix

logger = logging.getLogger(__name__)


class StoreState:
    """The shared state of a store and its views."""

    def __init__(self, transport: Connections, prefix: LearnedPrefix) -> None:
        self.transport = transport
        self.prefix = prefix
        self._has_warned = False
        self._waits = Waits()
        self._is_closed = False

    async def pause(self, seconds: float) -> None:
        """Sleep between attempts. Raises the errors of `wait`."""
        await self.wait(partial(asyncio.sleep, seconds))

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
        """End the calls in progress, those between two attempts first, and close the connections.

        Raises:
            ConfigurationError: The connections belong to another event loop, which is not closed yet.
        """
        self.transport.require_loop()
        self._is_closed = True
        await self._waits.end()
        await self.transport.aclose()

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
