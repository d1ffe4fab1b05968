"""An answer that counts as a success, before and after it is read."""

from collections.abc import Callable
from typing import TypeVar

from attrs import frozen

from ._answer import Answer, Headers
from ._answer_errors import decode_error
from ._errors import ResponseDecodeError
from ._operations import Call
from ._secret import Secret

T = TypeVar("T")


@frozen
class Received:
    """An answer as it came, and the call it answers."""

    call: Call
    answer: Answer
    api_key: Secret

    @classmethod
    def of_deletion(cls, call: Call) -> "Received":
        """What stands for the answer that was lost: a row that a repeated DELETE does not find is deleted."""
        return cls(call, Answer(204, Headers({}), b"", 0.0), Secret(""))

    def read(self, reader: Callable[[Answer], T]) -> T:
        """What the answer says.

        Raises:
            ResponseDecodeError: It can't be read: it is broken, or `reader` refused it with ValueError or TypeError.
        """
        if self.answer.broken is not None:
            raise decode_error(self.answer.without(self.api_key), self.call, self.answer.broken)
        try:
            return reader(self.answer)
        except (ValueError, TypeError) as error:
            unreadable = self._unreadable(error)
        raise unreadable

    def _unreadable(self, error: Exception) -> ResponseDecodeError:
        """The typed error for what the reader refused; the refusal stays its cause, unless it quotes the key.

        Without the frames it came through and the errors behind it: those hold the body of the answer.
        """
        reason = self.api_key.blot_out(str(error))
        unreadable = decode_error(self.answer.without(self.api_key), self.call, reason)
        if reason == str(error):
            error.__cause__ = error.__context__ = None
            unreadable.__cause__ = error.with_traceback(None)
        return unreadable
