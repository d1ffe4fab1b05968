"""What the endpoint modules raise."""

from collections.abc import Mapping, Sequence
from typing import Any


class UnexpectedStatus(Exception):
    """The service answered a status that the document does not list."""

    def __init__(self, status_code: int, content: bytes):
        super().__init__(status_code, content)
        self.status_code = status_code
        self.content = content

    def __str__(self) -> str:
        return f"Unexpected status code: {self.status_code}"


class InvalidBodyError(ValueError):
    """A body is not what the document promises; `path` says where, such as `results[3].created_at`."""

    def __init__(self, path: str, reason: str):
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"

    def within(self, parent: str) -> "InvalidBodyError":
        """The same error seen from outside `parent`."""
        separator = "" if self.path.startswith("[") else "."
        return InvalidBodyError(f"{parent}{separator}{self.path}", self.reason)

    @classmethod
    def locate(
        cls, error: Exception, fields: Sequence[str], body: Mapping[str, Any], unread: Mapping[str, Any]
    ) -> "InvalidBodyError":
        """Find the field at fault: fields are taken out of `unread` in order, so it is the last one taken."""
        if isinstance(error, KeyError):
            return cls(str(error.args[0]), "missing")
        at_fault = [name for name in fields if name in body and name not in unread][-1]
        if isinstance(error, InvalidBodyError):
            return error.within(at_fault)
        return cls(at_fault, str(error))


__all__ = ["InvalidBodyError", "UnexpectedStatus"]
