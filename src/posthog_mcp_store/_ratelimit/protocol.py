"""What a store needs of a rate limiter."""

from typing import Protocol

from .._core.call import RateLimitScope


class RateLimiter(Protocol):
    """Delays the calls of a store. Any object with this method can be used."""

    async def acquire(self, scope: RateLimitScope, /) -> None:
        """Wait until one more call may be sent under this limit, and count it.

        It is called before every attempt, including retries. If it is cancelled while it waits, nothing is counted.
        """
