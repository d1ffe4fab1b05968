"""The exceptions of the endpoint modules."""

from collections.abc import Mapping, Sequence
from typing import Any


class UnexpectedStatus(Exception):
    """The response has a status that the document does not list."""

    def __init__(self, status_code: int, content: bytes):
        super().__init__(status_code, content)
        self.status_code = status_code
        self.content = content

    def __str__(self) -> str:
        return f"Unexpected status code: {self.status_code}"


class InvalidBodyError(ValueError):
    """A body does not match the document at `path`, such as `results[3].created_at`."""

    def __init__(self, path: str, reason: str):
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"

    def within(self, parent: str) -> "InvalidBodyError":
        """The same error with `parent` in front of its path."""
        separator = "" if self.path.startswith("[") else "."
        return InvalidBodyError(f"{parent}{separator}{self.path}", self.reason)

    @classmethod
    def locate(
        cls, error: Exception, fields: Sequence[str], body: Mapping[str, Any], unread: Mapping[str, Any]
    ) -> "InvalidBodyError":
        """Find the invalid field: fields are removed from `unread` in order, so it is the last removed one."""
        if isinstance(error, KeyError):
            return cls(str(error.args[0]), "missing")
        at_fault = [name for name in fields if name in body and name not in unread][-1]
        if isinstance(error, InvalidBodyError):
            return error.within(at_fault)
        return cls(at_fault, str(error))


__all__ = ["InvalidBodyError", "UnexpectedStatus"]
