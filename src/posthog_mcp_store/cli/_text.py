"""Text from servers and users, made safe to print on a terminal."""

import shlex
from collections.abc import Sequence
from contextvars import ContextVar

common_words: ContextVar[Sequence[str]] = ContextVar("common_words", default=())
"""The options that every suggested command repeats, so that it is about the same service and project."""


def single_line(text: str, limit: int = 500) -> str:
    """The text on one line, without control and formatting characters, shortened to `limit` characters."""
    line = " ".join(_printable(text).split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def block(text: str) -> str:
    """The text with its line breaks and tabs, without other control and formatting characters."""
    return "\n".join(_printable(line, also="\t") for line in text.splitlines())


def command(*words: str) -> str:
    """A command to copy into a shell."""
    return shlex.join(["mcp-store", *(single_line(word) for word in (*common_words.get(), *words))])


def _printable(text: str, also: str = "") -> str:
    return "".join(char if char.isprintable() or char in also else " " for char in text)
