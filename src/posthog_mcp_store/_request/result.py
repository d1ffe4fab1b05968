"""A successful response, before and after its body has been read."""

from collections.abc import Callable
from typing import TypeVar

from attrs import evolve, frozen

from .._core.call import Call
from .._core.errors import APIConnectionError, APIStatusError, ResponseDecodeError
from .._core.headers import Headers
from .._core.redaction import Redactor
from .._core.response import KEPT_BYTES, Body, Response
from .deadline import Deadline
from .status_errors import decode_error, redacted

T = TypeVar("T")
Failure = APIConnectionError | APIStatusError
"""The outcome of an attempt without a successful response."""


@frozen
class SuccessfulResponse:
    """A response as received, with its call."""

    call: Call
    response: Response
    redactor: Redactor

    @classmethod
    def of_deletion(cls, call: Call) -> "SuccessfulResponse":
        """In place of a lost response: if a repeated DELETE does not find the installation, it has been deleted."""
        return cls(call, Response(204, Headers({}), b"", 0.0), Redactor.of())

    def read(self, reader: Callable[[Response], T]) -> T:
        """Decode the response.

        Raises:
            ResponseDecodeError: The response is incomplete, or `reader` raised ValueError or TypeError.
        """
        if self.response.broken is not None:
            raise self.unreadable(self.response.broken)
        try:
            return reader(self.response)
        except (ValueError, TypeError) as error:
            unreadable = self.refused(error)
        raise unreadable

    def unreadable(self, reason: str) -> ResponseDecodeError:
        """The typed error for a response that can't be read."""
        return decode_error(self.quotable, self.call, self.redactor.text(reason))

    @property
    def quotable(self) -> Response:
        """The response as errors may keep and quote it: with the first bytes of its body, and without secrets."""
        return redacted(self.response, self.redactor, at_most=KEPT_BYTES)

    def refused(self, error: Exception) -> ResponseDecodeError:
        """The typed error for an error of a reader, which becomes its cause unless it quotes a secret.

        The cause loses its traceback and its own cause, which hold the body of the response.
        """
        reason = self.redactor.text(str(error))
        unreadable = self.unreadable(reason)
        if reason == str(error):
            error.__cause__ = error.__context__ = None
            unreadable.__cause__ = error.with_traceback(None)
        return unreadable


@frozen
class StreamingResponse:
    """A successful response whose body is still to be read."""

    result: SuccessfulResponse
    body: Body
    deadline: Deadline
    """The deadline of the call, which also bounds reading the body."""

    def up_to(self, content: bytes) -> SuccessfulResponse:
        """The response with the first bytes of its body."""
        response = evolve(self.result.response, content=content, body=None)
        return evolve(self.result, response=response)
