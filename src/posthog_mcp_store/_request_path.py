"""The one way down: every request of every operation is sent, judged and reported here.

A call goes in as plain data, and what its answer says comes out; what is no success is raised as a typed error.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

from ._answer import Answer, ResponseInfo
from ._answer_errors import decode_error, status_error
from ._errors import ResponseDecodeError
from ._operations import Call
from ._secret import Secret
from ._settings import Settings
from ._transport import USER_AGENT, Transport

T = TypeVar("T")


class RequestPath:
    """Sends calls over a transport, with the settings of one store or view."""

    def __init__(self, settings: Settings, transport: Transport) -> None:
        self._settings = settings
        self._transport = transport

    async def send(self, call: Call, read: Callable[[Answer], T]) -> T:
        """Send a call, and `read` its answer. What can't be read, `read` refuses with ValueError or TypeError.

        Raises:
            APIConnectionError: No answer came.
            APIStatusError: An answer came with an error status.
            ConfigurationError: The store is closed, or its `api_key` callable gave no usable key.
            ResponseDecodeError: The answer can't be read.
        """
        api_key = await self._settings.current_api_key()
        answer = await self._transport.send(
            call, api_key=api_key, headers=self._headers(call), timeout=self._settings.timeout or call.timeout
        )
        self._report(call, answer)
        if not call.is_answered_by(answer.status_code):
            raise status_error(answer.without(api_key), call, datetime.now(UTC))
        if answer.broken is not None:
            raise decode_error(answer.without(api_key), call, answer.broken)
        try:
            return read(answer)
        except (ValueError, TypeError) as error:
            unreadable = _unreadable(error, answer, call, api_key)
        raise unreadable

    def _headers(self, call: Call) -> dict[str, str]:
        """Names in lower case, so that each is sent once, whoever set it last."""
        own = {"user-agent": USER_AGENT, "accept": call.accept}
        return own | {name.lower(): value for name, value in {**self._settings.headers, **call.headers}.items()}

    def _report(self, call: Call, answer: Answer) -> None:
        if self._settings.on_response is not None:
            self._settings.on_response(
                ResponseInfo(
                    method=call.method,
                    path_template=call.path_template,
                    status_code=answer.status_code,
                    headers=answer.headers,
                    seconds=answer.seconds,
                    attempt=1,
                )
            )


def _unreadable(error: Exception, answer: Answer, call: Call, api_key: Secret) -> ResponseDecodeError:
    """The typed error for what `read` refused; the refusal stays its cause, unless it quotes the key.

    Without the frames it came through and the errors behind it: those hold the body of the answer.
    """
    reason = api_key.blot_out(str(error))
    unreadable = decode_error(answer.without(api_key), call, reason)
    if reason == str(error):
        error.__cause__ = error.__context__ = None
        unreadable.__cause__ = error.with_traceback(None)
    return unreadable
