"""Formatting of values for error messages and log lines, which are single lines."""

import re
from urllib.parse import SplitResult, urlsplit

MAX_URL_LENGTH = 65_536

LOOKED_AT = 16
"""How many characters are examined, as a multiple of those shown: many may be white space."""


def single_line(text: str, limit: int = 500) -> str:
    """`text` without line breaks and control characters, shortened to `limit` characters.

    Only the beginning of a much longer text is examined.
    """
    text = text.strip()
    is_cut = len(text) > LOOKED_AT * limit
    text = text[: LOOKED_AT * limit]
    line = re.sub(r"\s+", " ", "".join(char if char.isprintable() else " " for char in text)).strip()
    return line if len(line) <= limit and not is_cut else f"{line[: limit - 1]}…"


def split_url(url: str) -> SplitResult:
    """Split a URL that the SDK did not make.

    Raises:
        ValueError: It is not a URL, or too long: `urlsplit` caches its latest arguments indefinitely.
    """
    if len(url) > MAX_URL_LENGTH:
        raise ValueError("too long")
    return urlsplit(url)


def without_query(url: str) -> str:
    """`url` without its query, which may hold an OAuth state, and without user info, which may hold a password."""
    try:
        parts = split_url(url)
    except ValueError:
        return "an address that can't be read"
    authority = parts.netloc.rpartition("@")[2]
    return single_line(f"{parts.scheme}://{authority}{parts.path}" if authority else parts.path)


def short_repr(value: object) -> str:
    """A short, single-line repr of a value, for error messages."""
    try:
        return single_line(repr(value), limit=80)
    except Exception:  # noqa: BLE001  # a failing repr of a user's class must not hide the actual error
        return f"a {type(value).__name__} that can't be shown"


def json_fault(error: Exception) -> str:
    """Why Python's json could not read or write a value. Its text about deep nesting depends on Python's version."""
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)
