"""The one way down: every request of every operation is paced, sent, repeated, judged and reported here.

A call goes in as plain data, and what its answer says comes out; what is no success is raised as a typed error.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from random import random
from time import perf_counter
from typing import TypeVar, cast

from attrs import evolve

from ._answer import Answer, Body, ResponseInfo
from ._answer_errors import status_error
from ._asyncio_only import require_asyncio
from ._deadline import Deadline
from ._errors import APIConnectionError, APIStatusError, RateLimitError
from ._exchange import USER_AGENT, Outgoing
from ._gates import Turn
from ._operations import Call
from ._received import Opened, Received
from ._redaction import Redactor
from ._redirects import MAX_REDIRECTS, followed_url
from ._retry import is_deleted, may_have_acted, retry_delay, wait_before
from ._secret import Secret
from ._service_time import sent_at
from ._settings import Settings
from ._shared import Shared

T = TypeVar("T")
Failure = APIConnectionError | APIStatusError

logger = logging.getLogger(__name__)


class RequestPath:
    """Sends calls with the settings of one store or view."""

    def __init__(self, settings: Settings, shared: Shared) -> None:
        self._settings = settings
        self._shared = shared

    @property
    def deadline(self) -> float | None:
        return self._settings.deadline

    @property
    def max_response_bytes(self) -> int:
        return self._settings.max_response_bytes

    def patient(self, seconds: float) -> "RequestPath":
        """The same path with another timeout for each step of the network."""
        return RequestPath(evolve(self._settings, timeout=seconds), self._shared)

    async def send(self, call: Call, read: Callable[[Answer], T]) -> T:
        """Send a call, and `read` its answer. What can't be read, `read` refuses with ValueError or TypeError.

        Raises:
            APIConnectionError: No answer came.
            APIStatusError: An answer came with an error status.
            ConfigurationError: The store is closed, its `api_key` callable gave no usable key, or this is not asyncio.
            ResponseDecodeError: The answer can't be read.
        """
        received = await self.fetch(call)
        return received.read(read)

    async def fetch(self, call: Call) -> Received:
        """Send a call, and leave the reading of its answer for later. Raises as `send`, but ResponseDecodeError."""
        require_asyncio()
        deadline = Deadline(self._settings.deadline, call)
        return await deadline.hold(self._repeated(call, deadline))

    async def open(self, call: Call) -> Opened:
        """Send a call whose answer is streamed, and leave the body of its answer to be read. Raises as `fetch`."""
        require_asyncio()
        deadline = Deadline(self._settings.deadline, call)
        received = await deadline.hold(self._repeated(call, deadline))
        # What counts as an answer to a streamed call is handed up at its head.
        return Opened(received, cast(Body, received.answer.body), deadline)

    async def _repeated(self, call: Call, deadline: Deadline) -> Received:
        """Attempt after attempt, until one counts or another makes no sense."""
        policy, has_acted, attempt = self._settings.retry, False, 0
        with self._shared.gate(call.rate_limit).turn(call) as turn:
            while True:
                attempt += 1
                await turn.come(min(policy.max_retry_after, deadline.remaining))
                began = perf_counter()
                outcome = await self._attempt(call, turn, attempt)
                if isinstance(outcome, Received):
                    _log(call, outcome.answer.status_code, began, attempt, None)
                    return outcome
                if has_acted and is_deleted(outcome, method=call.method):
                    _log(call, outcome, began, attempt, None)
                    return Received.of_deletion(call)
                delay = retry_delay(
                    outcome,
                    is_repeatable=call.is_repeatable,
                    attempt=attempt,
                    policy=policy,
                    remaining=deadline.remaining,
                    jitter=random(),  # noqa: S311  # nothing secret hangs on it
                )
                _log(call, outcome, began, attempt, delay)
                await _sit_out(outcome, turn, attempt, delay)
                has_acted = has_acted or may_have_acted(outcome)

    async def _attempt(self, call: Call, turn: Turn, attempt: int) -> Received | Failure:
        """One attempt: an answer that counts, or why there is none."""
        if self._shared.rate_limiter is not None:
            await self._shared.rate_limiter.acquire(call.rate_limit)
        api_key = await self._settings.current_api_key()
        redactor = Redactor.of(api_key, call.secret)
        turn.sent()
        try:
            answer = await self._exchange(call, api_key, attempt)
        except APIConnectionError as failure:
            return failure
        if call.is_answered_by(answer.status_code):
            return Received(call, answer, redactor)
        return status_error(answer, call, sent_at(answer.headers.get("Date"), datetime.now(UTC)), redactor)

    async def _exchange(self, call: Call, api_key: Secret, attempt: int) -> Answer:
        """Send once, and go on to where the service itself has moved to."""
        answer = await self._send_once(call, call.url, api_key, attempt)
        url, redirects = followed_url(call.url, answer), 0
        while url is not None and redirects < MAX_REDIRECTS:
            answer = await self._send_once(call, url, api_key, attempt)
            url, redirects = followed_url(url, answer), redirects + 1
        return answer

    async def _send_once(self, call: Call, url: str, api_key: Secret, attempt: int) -> Answer:
        answer = await self._shared.transport.send(self._outgoing(call, url, api_key))
        try:
            self._report(call, answer, attempt, api_key)
        except BaseException:
            # What the user's own `on_response` raises must not leave a stream open.
            if answer.body is not None:
                await answer.body.aclose()
            raise
        return answer

    def _outgoing(self, call: Call, url: str, api_key: Secret) -> Outgoing:
        settings = self._settings
        # Names in lower case, so that each is sent once, whoever set it last.
        headers = {"user-agent": USER_AGENT, "accept": call.accept, **settings.headers}
        headers |= {name.lower(): value for name, value in call.headers.items()}
        return Outgoing(call, url, headers, api_key, settings.timeout or call.timeout, settings.max_response_bytes)

    def _report(self, call: Call, answer: Answer, attempt: int, api_key: Secret) -> None:
        self._shared.warn_of_deprecation(call, answer.headers, api_key)
        if self._settings.on_response is not None:
            self._settings.on_response(
                ResponseInfo(
                    method=call.method,
                    path_template=call.path_template,
                    status_code=answer.status_code,
                    headers=answer.headers,
                    seconds=answer.seconds,
                    attempt=attempt,
                )
            )


async def _sit_out(failure: Failure, turn: Turn, attempt: int, delay: float | None) -> None:
    """Wait before the next attempt, or raise the failure where there is none."""
    if isinstance(failure, RateLimitError):
        # What the service refused one call, it refuses all under that limit: they wait together, this one first.
        turn.refused(wait_before(failure, attempt=attempt, jitter=1.0) if delay is None else delay, failure)
    if delay is None:
        raise failure
    if not isinstance(failure, RateLimitError):
        turn.step_out()
        await asyncio.sleep(delay)


def _log(call: Call, outcome: int | Failure, began: float, attempt: int, delay: float | None) -> None:
    """Tell of one attempt in one line; nothing of what was sent or answered."""
    if not logger.isEnabledFor(logging.DEBUG):
        return
    status = outcome if isinstance(outcome, int) else getattr(outcome, "status_code", type(outcome).__name__)
    wait = "" if delay is None else f", next in {delay:.2f} s"
    took = (perf_counter() - began) * 1000
    logger.debug("%s %s: %s in %.0f ms, attempt %d%s", call.method, call.path_template, status, took, attempt, wait)
