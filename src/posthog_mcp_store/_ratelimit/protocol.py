"""What a store needs of a rate limiter."""

from typing import Protocol

from .._core.call import RateLimitScope


class RateLimiter(Protocol):
    """Delays the calls of a store. Any object with this method can be used.

    Its budget is shared by all users of the store, unless it also has a method `for_owner(identity: str)` that returns
    the rate limiter of one user. The store calls that before the first call of each user. `identity` is a hash of the
    API key, the same in every process; for a callable, of the first key that it returns.
    """

    async def acquire(self, scope: RateLimitScope, /) -> None:
        """Wait until one more call may be sent under this limit, and count it.

        It is called before every attempt, including retries. If it is cancelled while it waits, nothing is counted.
        """
