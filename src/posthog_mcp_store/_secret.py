"""A text that no repr, log line, pickle or traceback shows."""

from typing import NoReturn, TypeVar, overload

from attrs import field, frozen

T = TypeVar("T")

SHORTEST_BLOTTED = 8
"""Shorter keys are no real ones, and blotting them out would mangle the words around them."""


@frozen
class Secret:
    """Holds a key, so that frames and settings hold no plain one."""

    _value: str = field(repr=False)

    def reveal(self) -> str:
        """The text itself. Use it in place; a local variable would stand in tracebacks."""
        return self._value

    def blot_out(self, text: str) -> str:
        """`text` without the secret."""
        return text.replace(self._value, "***") if len(self._value) >= SHORTEST_BLOTTED else text

    def blot_out_bytes(self, content: bytes) -> bytes:
        """`content` without the secret."""
        return content.replace(self._value.encode(), b"***") if len(self._value) >= SHORTEST_BLOTTED else content

    def __reduce__(self) -> NoReturn:
        raise TypeError("an API key is never pickled: make the MCPStore anew where it is needed")


@overload
def conceal(value: str) -> Secret: ...
@overload
def conceal(value: str | T) -> Secret | T: ...
def conceal(value: object) -> object:
    """A text as a Secret; anything else as it is. To be called first, before anything can fail with it in sight."""
    return Secret(value) if isinstance(value, str) else value
