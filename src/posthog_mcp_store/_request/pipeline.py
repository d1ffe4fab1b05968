"""The pipeline that every request passes: rate limiting, sending, retries, errors and reporting.

It takes a call as plain data and returns a successful response. Anything else is raised as a typed error.
"""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from random import random
from time import perf_counter
from typing import TypeVar, cast

from .._core.asyncio_only import require_asyncio
from .._core.call import Call
from .._core.errors import APIConnectionError, APIStatusError, ConfigurationError, RateLimitError
from .._core.http_dates import sent_at
from .._core.redaction import Redactor
from .._core.response import Body, Response, ResponseInfo
from .._core.secret import Secret
from .._transport.protocol import USER_AGENT, PreparedRequest
from .cooldown import CooldownSlot
from .deadline import Deadline
from .redirects import MAX_REDIRECTS, followed_url
from .result import StreamingResponse, SuccessfulResponse
from .retry import is_deleted, may_have_side_effects, retry_delay, wait_before
from .settings import Settings
from .state import StoreState
from .status_errors import status_error

T = TypeVar("T")
Failure = APIConnectionError | APIStatusError

logger = logging.getLogger(__name__)


class Pipeline:
    """Sends calls with the settings of a store or view."""

    def __init__(self, settings: Settings, state: StoreState) -> None:
        self._settings = settings
        self._state = state

    @property
    def deadline(self) -> float | None:
        return self._settings.deadline

    @property
    def max_response_bytes(self) -> int:
        return self._settings.max_response_bytes

    async def send(self, call: Call, read: Callable[[Response], T]) -> T:
        """Send a call and `read` its response. `read` raises ValueError or TypeError if the response is not valid.

        Raises:
            APIConnectionError: No response was received.
            APIStatusError: The response has an error status.
            ConfigurationError: The store is closed, its `api_key` callable returned no valid key, or this is not
                asyncio.
            ResponseDecodeError: The response can't be read.
        """
        result = await self.fetch(call)
        return result.read(read)

    async def fetch(self, call: Call) -> SuccessfulResponse:
        """Send a call whose response is read later. Raises the errors of `send` except ResponseDecodeError."""
        require_asyncio()
        deadline = Deadline(self._settings.deadline, call)
        return await deadline.hold(self._repeated(call, deadline))

    async def open(self, call: Call) -> StreamingResponse:
        """Send a call whose response is streamed, without reading its body. Raises the errors of `fetch`."""
        require_asyncio()
        deadline = Deadline(self._settings.deadline, call)
        result = await deadline.hold(self._repeated(call, deadline))
        # A successful response to a streamed call always has a body that is still to be read.
        return StreamingResponse(result, cast(Body, result.response.body), deadline)

    async def _repeated(self, call: Call, deadline: Deadline) -> SuccessfulResponse:
        """Make attempts until one succeeds or the call should not be retried."""
        policy, may_have_run, attempt = self._settings, False, 0
        with self._state.cooldown(call.rate_limit).slot(call) as slot:
            while True:
                attempt += 1
                await slot.acquire(min(policy.max_retry_after, deadline.remaining))
                began = perf_counter()
                outcome = await self._attempt(call, slot, attempt)
                if isinstance(outcome, SuccessfulResponse):
                    _log(call, outcome.response.status_code, began, attempt, None)
                    return outcome
                if may_have_run and is_deleted(outcome, method=call.method):
                    _log(call, outcome, began, attempt, None)
                    return SuccessfulResponse.of_deletion(call)
                delay = retry_delay(
                    outcome,
                    is_idempotent=call.is_idempotent,
                    attempt=attempt,
                    policy=policy,
                    remaining=deadline.remaining,
                    jitter=random(),  # noqa: S311  # not used for security
                )
                _log(call, outcome, began, attempt, delay)
                await self._sit_out(outcome, slot, attempt, delay)
                may_have_run = may_have_run or may_have_side_effects(outcome)

    async def _sit_out(self, failure: Failure, slot: CooldownSlot, attempt: int, delay: float | None) -> None:
        """Wait before the next attempt, or raise the failure if there is none."""
        if isinstance(failure, RateLimitError):
            # The service would reject all calls under this limit, so they all wait, behind this one.
            slot.refused(wait_before(failure, attempt=attempt, jitter=1.0) if delay is None else delay, failure)
        if delay is None:
            raise failure
        if not isinstance(failure, RateLimitError):
            slot.release()
            try:
                await self._state.pause(delay)
            except ConfigurationError:
                # More informative than that the store was closed: the service may have acted on the call.
                raise failure from None

    async def _attempt(self, call: Call, slot: CooldownSlot, attempt: int) -> SuccessfulResponse | Failure:
        """Make one attempt, and return the successful response or the error."""
        await self._state.pace(call.rate_limit)
        api_key = await self._settings.current_api_key()
        redactor = Redactor.of(api_key, call.secret)
        slot.sent()
        try:
            response = await self._exchange(call, api_key, attempt)
        except APIConnectionError as failure:
            return failure
        if call.is_answered_by(response.status_code):
            return SuccessfulResponse(call, response, redactor)
        return status_error(response, call, sent_at(response.headers.get("Date"), datetime.now(UTC)), redactor)

    async def _exchange(self, call: Call, api_key: Secret, attempt: int) -> Response:
        """Send the request once, and follow redirects within the service."""
        response = await self._send_once(call, call.url, api_key, attempt)
        url, redirects = followed_url(call.url, response), 0
        while url is not None and redirects < MAX_REDIRECTS:
            response = await self._send_once(call, url, api_key, attempt)
            url, redirects = followed_url(url, response), redirects + 1
        return response

    async def _send_once(self, call: Call, url: str, api_key: Secret, attempt: int) -> Response:
        response = await self._state.transport.send(self._prepared(call, url, api_key))
        try:
            self._report(call, response, attempt, api_key)
        except BaseException:
            # An exception in the user's `on_response` must not leave a stream open.
            if response.body is not None:
                await response.body.aclose()
            raise
        return response

    def _prepared(self, call: Call, url: str, api_key: Secret) -> PreparedRequest:
        settings = self._settings
        # With names in lower case, a later header replaces an earlier one and each is sent once.
        headers = {"user-agent": USER_AGENT, "accept": call.accept, **settings.headers}
        headers |= {name.lower(): value for name, value in call.headers.items()}
        timeout = call.timeout or settings.timeout or call.default_timeout
        return PreparedRequest(call, url, headers, api_key, timeout, settings.max_response_bytes)

    def _report(self, call: Call, response: Response, attempt: int, api_key: Secret) -> None:
        self._state.warn_of_deprecation(call, response.headers, api_key)
        if self._settings.on_response is not None:
            self._settings.on_response(
                ResponseInfo(
                    method=call.method,
                    path_template=call.path_template,
                    status_code=response.status_code,
                    headers=response.headers,
                    seconds=response.seconds,
                    attempt=attempt,
                )
            )


def _log(call: Call, outcome: int | Failure, began: float, attempt: int, delay: float | None) -> None:
    """Log an attempt in one line, without any content of the request or response."""
    if not logger.isEnabledFor(logging.DEBUG):
        return
    status = outcome if isinstance(outcome, int) else getattr(outcome, "status_code", type(outcome).__name__)
    wait = "" if delay is None else f", next in {delay:.2f} s"
    took = (perf_counter() - began) * 1000
    logger.debug("%s %s: %s in %.0f ms, attempt %d%s", call.method, call.path_template, status, took, attempt, wait)
