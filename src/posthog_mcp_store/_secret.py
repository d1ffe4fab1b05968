"""A text that no repr, log line, pickle or traceback shows."""

import re
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
        """`text` without the secret, as it is or escaped as JSON may escape it."""
        if len(self._value) < SHORTEST_BLOTTED:
            return text
        text = text.replace(self._value, "***")
        return re.sub(self._in_json, "***", text) if "\\u" in text else text

    def blot_out_bytes(self, content: bytes) -> bytes:
        """`content` without the secret, in the encodings that JSON may have, and without its beginning at the end.

        That is what is left of it where the content was cut.
        """
        if len(self._value) < SHORTEST_BLOTTED:
            return content
        for encoding in ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"):
            content = content.replace(self._value.encode(encoding, "replace"), b"***")
        if b"\\u" in content:
            content = re.sub(self._in_json.encode(), b"***", content)
        value = self._value.encode(errors="replace")
        cut = next((size for size in range(len(value), 4, -1) if content.endswith(value[:size])), 0)
        return content[:-cut] + b"***" if cut else content

    @property
    def _in_json(self) -> str:
        """A pattern for it where any of its characters may be escaped (RFC 8259, section 7)."""
        return "".join(rf"(?:{re.escape(char)}|\\u(?i:{ord(char):04x}))" for char in self._value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("an API key is never pickled: make the MCPStore anew where it is needed")


@overload
def conceal(value: str) -> Secret: ...
@overload
def conceal(value: str | T) -> Secret | T: ...
def conceal(value: object) -> object:
    """A text as a Secret; anything else as it is. To be called first, before anything can fail with it in sight."""
    return Secret(value) if isinstance(value, str) else value
