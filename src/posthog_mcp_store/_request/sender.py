"""One attempt at a call: paced, sent, redirected within the service, and reported."""

import asyncio
from datetime import UTC, datetime
from functools import partial

from .._core.call import Call
from .._core.connection_error_info import ConnectionErrorInfo
from .._core.errors import APIConnectionError
from .._core.http_dates import sent_at
from .._core.redaction import Redactor
from .._core.response import Response, ResponseInfo
from .._core.secret import Secret
from .._transport.content_coding import ACCEPT_ENCODING
from .._transport.protocol import USER_AGENT, PreparedRequest
from .cooldown import CooldownSlot
from .deadline import Deadline
from .owners import Owner
from .redirects import MAX_REDIRECTS, followed_url
from .result import Failure, SuccessfulResponse
from .settings import Settings
from .state import StoreState
from .status_errors import status_error


class Sender:
    """Sends single attempts with the settings of one store or view."""

    __slots__ = ("_owner", "_settings", "_state")

    def __init__(self, settings: Settings, state: StoreState, owner: Owner) -> None:
        self._settings = settings
        self._state = state
        self._owner = owner

    async def send(
        self, call: Call, slot: CooldownSlot, deadline: Deadline, attempt: int
    ) -> SuccessfulResponse | Failure:
        """Make one attempt, and return the successful response or the error."""
        limiter = await self._owner.limiter(self._settings.current_api_key)
        if limiter is not None:
            await self._state.wait(partial(limiter.acquire, call.rate_limit))
        api_key = await self._settings.current_api_key()
        redactor = Redactor.of(api_key, *call.secrets)
        slot.sent()
        deadline.is_sent = True
        response = await self._exchange(call, api_key, attempt, deadline)
        if isinstance(response, APIConnectionError):
            return response
        if call.is_success(response.status_code):
            return SuccessfulResponse(call, response, redactor)
        return status_error(response, call, sent_at(response.headers.get("Date"), datetime.now(UTC)), redactor)

    async def _exchange(
        self, call: Call, api_key: Secret, attempt: int, deadline: Deadline
    ) -> Response | APIConnectionError:
        """Send the request once, and follow redirects within the service."""
        url, redirects = call.url, 0
        while True:
            response = await self._send_once(self._prepared(call, url, api_key), attempt, deadline)
            if isinstance(response, APIConnectionError):
                return response
            target = followed_url(url, response)
            if target is None or redirects == MAX_REDIRECTS:
                return response
            url, redirects = target, redirects + 1

    async def _send_once(
        self, prepared: PreparedRequest, attempt: int, deadline: Deadline
    ) -> Response | APIConnectionError:
        try:
            response = await self._state.transport.send(prepared)
        except APIConnectionError as error:
            self._report_failure(prepared, error, attempt)
            return error
        except asyncio.CancelledError:
            if deadline.has_passed:
                self._report_failure(prepared, deadline.error(), attempt)
            raise
        try:
            self._report(prepared, response, attempt)
        except BaseException:
            # An exception in the user's `on_response` must not leave a stream open.
            if response.body is not None:
                await response.body.aclose()
            raise
        return response

    def _prepared(self, call: Call, url: str, api_key: Secret) -> PreparedRequest:
        settings = self._settings
        # With names in lower case, a later header replaces an earlier one and each is sent once.
        headers = {
            "user-agent": USER_AGENT,
            "accept": call.accept,
            "accept-encoding": ACCEPT_ENCODING,
            **settings.headers,
        }
        headers |= {name.lower(): value for name, value in call.headers.items()}
        timeout = call.timeout or settings.timeout or call.default_timeout
        return PreparedRequest(call, url, headers, api_key, self._owner, timeout, settings.max_response_bytes)

    def _report(self, prepared: PreparedRequest, response: Response, attempt: int) -> None:
        call = prepared.call
        if not self._state.prefix.follow_link(call, response.headers):
            self._state.warn_of_deprecation(call, response.headers, prepared.api_key)
        if self._settings.on_response is not None:
            self._settings.on_response(
                ResponseInfo(
                    method=call.method,
                    path_template=call.path_template,
                    status_code=response.status_code,
                    headers=response.headers,
                    seconds=response.seconds,
                    attempt=attempt,
                    installation_id=call.installation_id,
                )
            )

    def _report_failure(self, prepared: PreparedRequest, error: APIConnectionError, attempt: int) -> None:
        call = prepared.call
        if self._settings.on_connection_error is not None:
            self._settings.on_connection_error(
                ConnectionErrorInfo(
                    method=call.method,
                    path_template=call.path_template,
                    error=error,
                    seconds=prepared.stopwatch.seconds,
                    attempt=attempt,
                    installation_id=call.installation_id,
                )
            )
