"""Whether and when a call is sent again: pure, and total over every failure.

A call is repeated only where the service can't act on it twice: GET, DELETE and PATCH after any failure that may pass,
a POST only where the service certainly did not act on it.
"""

from typing import Protocol

from .._core.errors import APIConnectionError, APIStatusError, MCPStoreError, NotFoundError, RateLimitError, ServerError

FIRST_BACKOFF = 0.5
LONGEST_BACKOFF = 8.0
SHORTEST_ASKED = 0.1
"""A Retry-After below it, 0 above all, would make clients hammer: our own backoff is gentler."""


class RetryPolicy(Protocol):
    """How often a call may be repeated, and how long it may wait before that."""

    @property
    def max_retries(self) -> int: ...

    @property
    def max_retry_after(self) -> float:
        """The longest wait in seconds; where the service asks for a longer one, the caller gets the error instead."""
        ...


def retry_delay(
    failure: MCPStoreError, *, is_idempotent: bool, attempt: int, policy: RetryPolicy, remaining: float, jitter: float
) -> float | None:
    """Seconds to wait before the next attempt, or None to give up.

    `attempt` is the number of the one that failed, `remaining` the seconds until the caller's deadline, and `jitter` a
    random number from 0 to 1, by which clients that failed together do not come back together.
    """
    if attempt > policy.max_retries or not is_transient(failure, is_idempotent=is_idempotent):
        return None
    delay = wait_before(failure, attempt=attempt, jitter=jitter)
    return delay if delay <= policy.max_retry_after and delay < remaining else None


def is_transient(failure: MCPStoreError, *, is_idempotent: bool) -> bool:
    """Whether the same call may succeed later, and is safe to repeat."""
    if isinstance(failure, RateLimitError):
        return True  # the service refuses before it acts (docs/service.md, section 4)
    if isinstance(failure, APIConnectionError):
        return is_idempotent or not failure.is_sent
    return is_idempotent and isinstance(failure, APIStatusError) and _is_transient_status(failure)


def _is_transient_status(failure: APIStatusError) -> bool:
    return isinstance(failure, ServerError) or failure.status_code == 408


def wait_before(failure: MCPStoreError, *, attempt: int, jitter: float) -> float:
    """What the service asks for, else exponential backoff with full jitter."""
    asked = failure.retry_after if isinstance(failure, APIStatusError) else None
    if asked is not None and asked >= SHORTEST_ASKED:
        return asked
    return jitter * min(LONGEST_BACKOFF, FIRST_BACKOFF * 2.0 ** min(attempt - 1, 10))


def may_have_side_effects(failure: MCPStoreError) -> bool:
    """Whether the service may have done what it was asked, though its answer says otherwise or was lost."""
    if isinstance(failure, APIConnectionError):
        return failure.is_sent
    return isinstance(failure, APIStatusError) and _is_transient_status(failure)


def is_deleted(failure: MCPStoreError, *, method: str) -> bool:
    """Whether a repeated DELETE found nothing left to delete."""
    return method == "DELETE" and isinstance(failure, NotFoundError)
