"""Log lines about attempts: each at DEBUG, each retry at INFO, and calls that were given up at WARNING.

No line contains any content of a request or response. Records have the attributes `installation_id` and `request_id`.
"""

import logging
from time import perf_counter

from .._core.call import Call
from .._core.response import Response
from .result import Failure, SuccessfulResponse

logger = logging.getLogger(__name__)

Outcome = SuccessfulResponse | Failure


def log_attempt(call: Call, outcome: Outcome, began: float, attempt: int) -> None:
    """Log an attempt that began at a time of `perf_counter`."""
    if logger.isEnabledFor(logging.DEBUG):
        took = (perf_counter() - began) * 1000
        place, status, extra = _place(call), _status(outcome), _extra(call, outcome)
        logger.debug("%s: %s in %.0f ms, attempt %d", place, status, took, attempt, extra=extra)


def log_what_follows(call: Call, failure: Failure, attempt: int, delay: float | None) -> None:
    """Log what follows a failed attempt: the next one after `delay` seconds, or none."""
    place, status, extra = _place(call), _status(failure), _extra(call, failure)
    if delay is not None:
        logger.info("retrying %s in %.2f s, attempt %d, after %s", place, delay, attempt + 1, status, extra=extra)
    elif attempt > 1:
        logger.warning("gave up %s after %d attempts, the last one with %s", place, attempt, status, extra=extra)


def _place(call: Call) -> str:
    return f"{call.method} {call.path_template}"


def _status(outcome: Outcome) -> int | str:
    if isinstance(outcome, SuccessfulResponse):
        return outcome.response.status_code
    status: int | str = getattr(outcome, "status_code", type(outcome).__name__)
    return status


def _extra(call: Call, outcome: Outcome) -> dict[str, str | None]:
    return {"installation_id": call.installation_id, "request_id": _request_id(outcome)}


def _request_id(outcome: Outcome) -> str | None:
    if isinstance(outcome, SuccessfulResponse):
        response: Response = outcome.response
        return response.headers.get("X-Request-Id")
    return getattr(outcome, "request_id", None)
