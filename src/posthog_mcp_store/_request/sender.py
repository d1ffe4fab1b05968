"""One attempt at a call: paced, sent, redirected within the service, and reported."""

from datetime import UTC, datetime
from functools import partial

from .._core.call import Call
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
        try:
            response = await self._exchange(call, api_key, attempt)
        except APIConnectionError as failure:
            return failure
        if call.is_success(response.status_code):
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
        headers = {
            "user-agent": USER_AGENT,
            "accept": call.accept,
            "accept-encoding": ACCEPT_ENCODING,
            **settings.headers,
        }
        headers |= {name.lower(): value for name, value in call.headers.items()}
        timeout = call.timeout or settings.timeout or call.default_timeout
        return PreparedRequest(call, url, headers, api_key, self._owner, timeout, settings.max_response_bytes)

    def _report(self, call: Call, response: Response, attempt: int, api_key: Secret) -> None:
        if not self._state.prefix.follow_link(call, response.headers):
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
