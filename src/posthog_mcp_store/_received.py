"""An answer that counts as a success, before and after it is read."""

from collections.abc import Callable
from typing import TypeVar

from attrs import evolve, frozen

from ._answer import KEPT_BYTES, Answer, Body, Headers
from ._answer_errors import decode_error
from ._deadline import Deadline
from ._errors import ResponseDecodeError
from ._operations import Call
from ._redaction import Redactor

T = TypeVar("T")


@frozen
class Received:
    """An answer as it came, and the call it answers."""

    call: Call
    answer: Answer
    redactor: Redactor

    @classmethod
    def of_deletion(cls, call: Call) -> "Received":
        """What stands for the answer that was lost: a row that a repeated DELETE does not find is deleted."""
        return cls(call, Answer(204, Headers({}), b"", 0.0), Redactor.of())

    def read(self, reader: Callable[[Answer], T]) -> T:
        """What the answer says.

        Raises:
            ResponseDecodeError: It can't be read: it is broken, or `reader` refused it with ValueError or TypeError.
        """
        if self.answer.broken is not None:
            raise self.unreadable(self.answer.broken)
        try:
            return reader(self.answer)
        except (ValueError, TypeError) as error:
            unreadable = self.refused(error)
        raise unreadable

    def unreadable(self, reason: str) -> ResponseDecodeError:
        """The typed error for an answer that can't be read."""
        return decode_error(self.shown, self.call, self.redactor.text(reason))

    @property
    def shown(self) -> Answer:
        """The answer as it may be kept and shown: its first bytes, without secrets, in case the service quotes them."""
        return evolve(self.answer, content=self.answer.content[:KEPT_BYTES]).redacted(self.redactor)

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
class Opened:
    """An answer whose body is still to be read."""

    received: Received
    body: Body
    deadline: Deadline
    """What is left of the call's time."""

    def up_to(self, content: bytes) -> Received:
        """The answer with the first bytes of its body."""
        answer = evolve(self.received.answer, content=content, body=None)
        return evolve(self.received, answer=answer)
