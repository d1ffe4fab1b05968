"""An answer that counts as a success, before and after it is read."""

from collections.abc import Callable
from typing import TypeVar

from attrs import evolve, frozen

from .._core.call import Call
from .._core.errors import ResponseDecodeError
from .._core.headers import Headers
from .._core.redaction import Redactor
from .._core.response import KEPT_BYTES, Body, Response
from .deadline import Deadline
from .status_errors import decode_error, redacted

T = TypeVar("T")


@frozen
class SuccessfulResponse:
    """An answer as it came, and the call it answers."""

    call: Call
    response: Response
    redactor: Redactor

    @classmethod
    def of_deletion(cls, call: Call) -> "SuccessfulResponse":
        """What stands for the answer that was lost: a row that a repeated DELETE does not find is deleted."""
        return cls(call, Response(204, Headers({}), b"", 0.0), Redactor.of())

    def read(self, reader: Callable[[Response], T]) -> T:
        """What the answer says.

        Raises:
            ResponseDecodeError: It can't be read: it is broken, or `reader` refused it with ValueError or TypeError.
        """
        if self.response.broken is not None:
            raise self.unreadable(self.response.broken)
        try:
            return reader(self.response)
        except (ValueError, TypeError) as error:
            unreadable = self.refused(error)
        raise unreadable

    def unreadable(self, reason: str) -> ResponseDecodeError:
        """The typed error for an answer that can't be read."""
        return decode_error(self.quotable, self.call, self.redactor.text(reason))

    @property
    def quotable(self) -> Response:
        """The response as it may be kept and quoted: its first bytes, without secrets."""
        return redacted(self.response, self.redactor, at_most=KEPT_BYTES)

    def refused(self, error: Exception) -> ResponseDecodeError:
        """The typed error for what a reader refused; the refusal stays its cause, unless it quotes a secret.

        Without the frames it came through and the errors behind it: those hold the body of the answer.
        """
        reason = self.redactor.text(str(error))
        unreadable = self.unreadable(reason)
        if reason == str(error):
            error.__cause__ = error.__context__ = None
            unreadable.__cause__ = error.with_traceback(None)
        return unreadable


@frozen
class StreamingResponse:
    """An answer whose body is still to be read."""

    result: SuccessfulResponse
    body: Body
    deadline: Deadline
    """What is left of the call's time."""

    def up_to(self, content: bytes) -> SuccessfulResponse:
        """The answer with the first bytes of its body."""
        response = evolve(self.result.response, content=content, body=None)
        return evolve(self.result, response=response)
