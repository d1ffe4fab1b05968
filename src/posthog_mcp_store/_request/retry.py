"""Decides whether and when a call is retried. Pure, and defined for every failure.

A call is retried only if it is harmless should the service act on it twice: GET, DELETE and PATCH after any transient
failure, POST only if the service certainly did not act on it.
"""

from typing import Protocol

from .._core.errors import APIConnectionError, APIStatusError, MCPStoreError, NotFoundError, RateLimitError, ServerError
from .status_errors import has_own_text

FIRST_BACKOFF = 0.5
MAX_BACKOFF = 8.0
MIN_RETRY_AFTER = 0.1
"""A shorter Retry-After, 0 in particular, would make clients retry too fast, so our own backoff is used instead."""


class RetryPolicy(Protocol):
    """How often a call may be retried, and how long it may wait for that."""

    @property
    def max_retries(self) -> int: ...

    @property
    def max_retry_after(self) -> float:
        """The longest wait in seconds. If the service asks for a longer one, the error is raised instead."""
        ...


def retry_delay(
    failure: MCPStoreError, *, is_idempotent: bool, attempt: int, policy: RetryPolicy, remaining: float, jitter: float
) -> float | None:
    """Seconds to wait before the next attempt, or None to give up.

    `attempt` is the number of the failed attempt, `remaining` the seconds until the caller's deadline, and `jitter` a
    random number from 0 to 1, so that clients that failed at the same time do not retry at the same time.
    """
    if attempt > policy.max_retries or not is_transient(failure, is_idempotent=is_idempotent):
        return None
    delay = wait_before(failure, attempt=attempt, jitter=jitter)
    return delay if delay <= policy.max_retry_after and delay < remaining else None


def is_transient(failure: MCPStoreError, *, is_idempotent: bool) -> bool:
    """True if the same call may succeed later and is safe to repeat."""
    if isinstance(failure, RateLimitError):
        return True  # the service rejects a call before it acts on it (docs/service.md, section 4)
    if isinstance(failure, APIConnectionError):
        return is_idempotent or not failure.is_sent
    return is_idempotent and isinstance(failure, APIStatusError) and _is_transient_status(failure)


def _is_transient_status(failure: APIStatusError) -> bool:
    return isinstance(failure, ServerError) or failure.status_code == 408


def wait_before(failure: MCPStoreError, *, attempt: int, jitter: float) -> float:
    """Seconds to wait: what the service asks for, or else exponential backoff with full jitter."""
    asked = failure.retry_after if isinstance(failure, APIStatusError) else None
    if asked is not None and asked >= MIN_RETRY_AFTER:
        return asked
    return jitter * min(MAX_BACKOFF, FIRST_BACKOFF * 2.0 ** min(attempt - 1, 10))


def may_have_side_effects(failure: MCPStoreError) -> bool:
    """True if the service may have acted on the call, although its response was an error or was lost."""
    if isinstance(failure, APIConnectionError):
        return failure.is_sent
    return isinstance(failure, APIStatusError) and _is_transient_status(failure)


def is_deleted(failure: MCPStoreError, *, method: str) -> bool:
    """True if a repeated DELETE found nothing left to delete. A path that the service does not have tells nothing."""
    return method == "DELETE" and isinstance(failure, NotFoundError) and has_own_text(failure)
