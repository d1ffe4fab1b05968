"""What a store needs of a rate limiter."""

from typing import Protocol

from .._core.call import RateLimitScope


class RateLimiter(Protocol):
    """Delays the calls of a store. Any object with this method can be passed as `rate_limiter=`.

    All users of the store share its budget, unless it also has a method `for_owner(identity: str)` that returns the
    rate limiter of one user. The store calls that before the first call of each user. `identity` is a hash of the API
    key, the same in every process; for a callable, it is a hash of the first key that it returns.
    """

    async def acquire(self, scope: RateLimitScope, /) -> None:
        """Wait until one more call may be sent under this limit, and count it.

        It is called before every attempt, including retries. It must count nothing if it is cancelled while it waits.

        Args:
            scope: The limit of the service that the call counts towards, see RateLimitScope.
        """
