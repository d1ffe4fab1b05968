"""The one way down: every request of every operation is sent, judged and reported here.

A call goes in as plain data, and what its answer says comes out; what is no success is raised as a typed error.
"""

from collections.abc import Callable
from typing import TypeVar

from ._answer import Answer, ResponseInfo
from ._answer_errors import decode_error, status_error
from ._operations import Call
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
            call,
            api_key=api_key,
            headers={"User-Agent": USER_AGENT, "Accept": call.accept, **self._settings.headers, **call.headers},
            timeout=self._settings.timeout or call.timeout,
        )
        self._report(call, answer)
        if not call.is_answered_by(answer.status_code):
            raise status_error(answer.without(api_key), call)
        try:
            return read(answer)
        except (ValueError, TypeError, RecursionError) as error:
            raise decode_error(answer.without(api_key), call, str(error)) from error

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
