"""Redaction of secrets in the parts of a response that errors and log records show."""

import re
from typing import Any, TypeVar

from attrs import frozen

from .plain_data import limit_size
from .secret import Secret

STATE = re.compile(r"((?:[?&;]|\\u0026)state=)[^&;#\s\"'<>\\]+", re.IGNORECASE)
STATE_BYTES = re.compile(STATE.pattern.encode(), re.IGNORECASE)
"""The `state` of an OAuth flow in a URL (RFC 6749, section 10.12)."""


E = TypeVar("E", bound=Exception)


def without_frames(error: E) -> E:
    """The error without its traceback and its cause, whose local variables may hold secrets."""
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


@frozen
class Redactor:
    """Replaces the given keys, however they are escaped, and the `state` of OAuth flows."""

    _secrets: tuple[Secret, ...]

    @classmethod
    def of(cls, *secrets: Secret | None) -> "Redactor":
        return cls(tuple(secret for secret in secrets if secret is not None))

    def text(self, text: str) -> str:
        for secret in self._secrets:
            text = secret.redact(text)
        return STATE.sub(r"\1***", text)

    def content(self, content: bytes) -> bytes:
        for secret in self._secrets:
            content = secret.redact_bytes(content)
        return STATE_BYTES.sub(rb"\1***", content)

    def finds_key(self, text: str) -> bool:
        """True if the text contains one of the keys, however it is escaped."""
        return any(secret.redact(text) != text for secret in self._secrets)

    def data(self, value: Any) -> Any:
        """A redacted copy of a JSON value, cut to a size that can be pickled."""
        return limit_size(value, text=self.text)
