"""A string that does not appear in any repr, log line, pickle or traceback."""

import html
import re
from typing import NoReturn, TypeVar, overload

from attrs import field, frozen

T = TypeVar("T")

JSON_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
MIN_CUT_LENGTH = 4
"""A beginning of this length reveals nothing: all keys of a kind start alike, with `phx_` for example."""
MIN_REDACTED_LENGTH = 8
"""Shorter keys are not real, and replacing them would garble the text around them."""


@frozen
class Secret:
    """Wraps a key, so that local variables and settings never hold the plain string."""

    _value: str = field(repr=False)

    def reveal(self) -> str:
        """The plain string. Do not assign it to a local variable, which tracebacks may show."""
        return self._value

    def redact(self, text: str) -> str:
        """`text` without the secret, be it plain, escaped for JSON or HTML, or cut off by an ellipsis."""
        if len(self._value) < MIN_REDACTED_LENGTH:
            return text
        text = text.replace(self._value, "***").replace(html.escape(self._value), "***")
        if "\\" in text:
            text = re.sub(self._in_json, "***", text)
        return re.sub(self._cut, "***…", text) if "…" in text else text

    def redact_bytes(self, content: bytes) -> bytes:
        """`content` without the secret, in any encoding of JSON, and without its beginning at the end of `content`."""
        if len(self._value) < MIN_REDACTED_LENGTH:
            return content
        for encoding in ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"):
            content = content.replace(self._value.encode(encoding, "replace"), b"***")
        content = content.replace(html.escape(self._value).encode(errors="replace"), b"***")
        if b"\\" in content:
            content = re.sub(self._in_json.encode(errors="replace"), b"***", content)
        value = self._value.encode(errors="replace")
        cut = next((size for size in range(len(value), MIN_CUT_LENGTH, -1) if content.endswith(value[:size])), 0)
        return content[:-cut] + b"***" if cut else content

    @property
    def _in_json(self) -> str:
        """A pattern for the secret with any of its characters escaped (RFC 8259, section 7)."""
        return "".join(map(_escapes, self._value))

    @property
    def _cut(self) -> str:
        """A pattern for the beginning of the secret, followed by an ellipsis."""
        beginnings = (self._value[:size] for size in range(len(self._value) - 1, MIN_CUT_LENGTH, -1))
        return f"(?:{'|'.join(map(re.escape, beginnings))})…"

    def __reduce__(self) -> NoReturn:
        raise never_pickled()


def never_pickled() -> TypeError:
    return TypeError("an API key is never pickled: create a new MCPStore in the other process")


def _escapes(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass")
    code = "".join(rf"\\u(?i:{units[at : at + 2].hex()})" for at in range(0, len(units), 2))
    short = [re.escape(f"\\{letter}") for letter, meant in JSON_ESCAPES.items() if meant == char]
    return f"(?:{'|'.join([re.escape(char), code, *short])})"


@overload
def as_secret(value: str) -> Secret: ...
@overload
def as_secret(value: str | T) -> Secret | T: ...
def as_secret(value: object) -> object:
    """Wrap a string in a Secret; return anything else unchanged.

    Call it before anything that may raise while a local variable holds the string.
    """
    return Secret(value) if isinstance(value, str) else value
