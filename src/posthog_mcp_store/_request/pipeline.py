"""The pipeline that every request passes: rate limiting, sending, retries, errors and reporting.

It takes a call as plain data and returns a successful response. Anything else is raised as a typed error.
"""

from collections.abc import Callable
from functools import partial
from random import random
from time import perf_counter
from typing import TypeVar, cast

from .._core.asyncio_only import require_asyncio
from .._core.call import Call
from .._core.errors import ConfigurationError, RateLimitError
from .._core.response import Body, Response
from .attempt_log import log_attempt, log_what_follows
from .cooldown import CooldownSlot
from .deadline import Deadline
from .immediate_retry import attempt as attempt_call
from .owners import Owner
from .result import Failure, StreamingResponse, SuccessfulResponse
from .retry import is_deleted, may_have_side_effects, retry_delay, wait_before
from .sender import Sender
from .settings import Settings
from .state import StoreState

T = TypeVar("T")


class Pipeline:
    """Sends calls with the settings of a store or view."""

    __slots__ = ("_sender", "_settings", "_state", "owner")

    def __init__(self, settings: Settings, state: StoreState, owner: Owner) -> None:
        self._settings = settings
        self._state = state
        self.owner = owner
        self._sender = Sender(settings, state, owner)

    @property
    def deadline(self) -> float | None:
        return self._settings.deadline

    @property
    def max_response_bytes(self) -> int:
        return self._settings.max_response_bytes

    def url_of(self, call: Call) -> str:
        """The URL that a call would be sent to now."""
        return self._state.prefix.applied(call).url

    async def send(self, call: Call, read: Callable[[Response], T]) -> T:
        """Send a call and `read` its response. `read` raises ValueError or TypeError if the response is not valid.

        Raises:
            APIConnectionError: No response was received.
            APIStatusError: The response has an error status.
            ConfigurationError: The store is closed or belongs to another event loop, its `api_key` callable returned
                no valid key, or this is not asyncio.
            ResponseDecodeError: The response can't be read.
        """
        result = await self.fetch(call)
        return result.read(read)

    async def fetch(self, call: Call) -> SuccessfulResponse:
        """Send a call whose response is read later. Raises the errors of `send` except ResponseDecodeError."""
        require_asyncio()
        self._state.transport.require_loop()
        call = self._state.prefix.applied(call)
        deadline = self._deadline(call)
        return await deadline.hold(self._repeated(call, deadline))

    async def open(self, call: Call) -> StreamingResponse:
        """Send a call whose response is streamed, without reading its body. Raises the errors of `fetch`."""
        require_asyncio()
        self._state.transport.require_loop()
        call = self._state.prefix.applied(call)
        deadline = self._deadline(call)
        result = await deadline.hold(self._repeated(call, deadline))
        # A successful response to a streamed call always has a body that is still to be read.
        return StreamingResponse(result, cast(Body, result.response.body), deadline)

    def _deadline(self, call: Call) -> Deadline:
        return Deadline(self._settings.deadline, f"{call.method} {call.path}", method=call.method, url=call.url)

    async def _repeated(self, call: Call, deadline: Deadline) -> SuccessfulResponse:
        """Make attempts until one succeeds or the call should not be retried."""
        policy, attempt = self._settings, 0
        deadline.is_sent = may_have_run = False
        with self.owner.cooldown(call.rate_limit).slot(call) as slot:
            while True:
                attempt += 1
                await slot.acquire(min(policy.max_retry_after, deadline.remaining))
                began = perf_counter()
                # An earlier attempt, or another call, may have found the prefix.
                call = self._state.prefix.applied(call)
                outcome = await attempt_call(
                    call, self._state.prefix, partial(self._send, slot=slot, attempt=attempt, deadline=deadline)
                )
                if isinstance(outcome, SuccessfulResponse):
                    log_attempt(outcome.call, outcome, began, attempt)
                    return outcome
                if may_have_run and is_deleted(outcome, method=call.method):
                    log_attempt(call, outcome, began, attempt)
                    return SuccessfulResponse.of_deletion(call)
                delay = retry_delay(
                    outcome,
                    is_idempotent=call.is_idempotent,
                    attempt=attempt,
                    policy=policy,
                    remaining=deadline.remaining,
                    jitter=random(),  # noqa: S311  # not used for security
                )
                log_attempt(call, outcome, began, attempt)
                log_what_follows(call, outcome, attempt, delay)
                deadline.is_sent = may_have_run = may_have_run or may_have_side_effects(outcome)
                await self._sit_out(outcome, slot, attempt, delay)

    async def _sit_out(self, failure: Failure, slot: CooldownSlot, attempt: int, delay: float | None) -> None:
        """Wait before the next attempt, or raise the failure if there is none."""
        if isinstance(failure, RateLimitError):
            # The service would reject all calls under this limit, so they all wait, behind this one.
            slot.refused(wait_before(failure, attempt=attempt, jitter=1.0) if delay is None else delay, failure)
            self.owner.keep_while_cooling()
        if delay is None:
            raise failure
        if not isinstance(failure, RateLimitError):
            slot.release()
            try:
                await self._state.pause(delay)
            except ConfigurationError:
                # More informative than that the store was closed: the service may have acted on the call.
                raise failure from None

    async def _send(
        self, call: Call, *, slot: CooldownSlot, attempt: int, deadline: Deadline
    ) -> SuccessfulResponse | Failure:
        """Send a call once. An immediate retry, too, waits for a cool-down that has begun meanwhile."""
        await slot.acquire(min(self._settings.max_retry_after, deadline.remaining))
        return await self._sender.send(call, slot, deadline, attempt)
