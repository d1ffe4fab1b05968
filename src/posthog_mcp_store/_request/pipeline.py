"""The one way down: every request of every operation is paced, sent, repeated, judged and reported here.

A call goes in as plain data, and what its answer says comes out; what is no success is raised as a typed error.
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
    """Sends calls with the settings of one store or view."""

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
        """Send a call, and `read` its answer. What can't be read, `read` refuses with ValueError or TypeError.

        Raises:
            APIConnectionError: No answer came.
            APIStatusError: An answer came with an error status.
            ConfigurationError: The store is closed, its `api_key` callable gave no usable key, or this is not asyncio.
            ResponseDecodeError: The answer can't be read.
        """
        result = await self.fetch(call)
        return result.read(read)

    async def fetch(self, call: Call) -> SuccessfulResponse:
        """Send a call, and leave the reading of its answer for later. Raises as `send`, but ResponseDecodeError."""
        require_asyncio()
        deadline = Deadline(self._settings.deadline, call)
        return await deadline.hold(self._repeated(call, deadline))

    async def open(self, call: Call) -> StreamingResponse:
        """Send a call whose answer is streamed, and leave the body of its answer to be read. Raises as `fetch`."""
        require_asyncio()
        deadline = Deadline(self._settings.deadline, call)
        result = await deadline.hold(self._repeated(call, deadline))
        # What counts as an answer to a streamed call is handed up at its head.
        return StreamingResponse(result, cast(Body, result.response.body), deadline)

    async def _repeated(self, call: Call, deadline: Deadline) -> SuccessfulResponse:
        """Attempt after attempt, until one counts or another makes no sense."""
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
                    jitter=random(),  # noqa: S311  # nothing secret hangs on it
                )
                _log(call, outcome, began, attempt, delay)
                await self._sit_out(outcome, slot, attempt, delay)
                may_have_run = may_have_run or may_have_side_effects(outcome)

    async def _sit_out(self, failure: Failure, slot: CooldownSlot, attempt: int, delay: float | None) -> None:
        """Wait before the next attempt, or raise the failure where there is none."""
        if isinstance(failure, RateLimitError):
            # What the service refused one call, it refuses all under that limit: they wait together, this one first.
            slot.refused(wait_before(failure, attempt=attempt, jitter=1.0) if delay is None else delay, failure)
        if delay is None:
            raise failure
        if not isinstance(failure, RateLimitError):
            slot.release()
            try:
                await self._state.pause(delay)
            except ConfigurationError:
                # It says more than that the store was closed: the service may have acted on the call.
                raise failure from None

    async def _attempt(self, call: Call, slot: CooldownSlot, attempt: int) -> SuccessfulResponse | Failure:
        """One attempt: an answer that counts, or why there is none."""
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
        """Send once, and go on to where the service itself has moved to."""
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
            # What the user's own `on_response` raises must not leave a stream open.
            if response.body is not None:
                await response.body.aclose()
            raise
        return response

    def _prepared(self, call: Call, url: str, api_key: Secret) -> PreparedRequest:
        settings = self._settings
        # Names in lower case, so that each is sent once, whoever set it last.
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
    """Tell of one attempt in one line; nothing of what was sent or answered."""
    if not logger.isEnabledFor(logging.DEBUG):
        return
    status = outcome if isinstance(outcome, int) else getattr(outcome, "status_code", type(outcome).__name__)
    wait = "" if delay is None else f", next in {delay:.2f} s"
    took = (perf_counter() - began) * 1000
    logger.debug("%s %s: %s in %.0f ms, attempt %d%s", call.method, call.path_template, status, took, attempt, wait)
