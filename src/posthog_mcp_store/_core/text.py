"""Text for people: error messages and log lines of one line."""

import re
from urllib.parse import SplitResult, urlsplit

LONGEST_URL = 65_536

LOOKED_AT = 16
"""How many times the characters that are shown; the others may be white space."""


def single_line(text: str, limit: int = 500) -> str:
    """`text` without line breaks and control characters, shortened to `limit` characters.

    Of a text many times longer than that, only the beginning is looked at.
    """
    text = text.strip()
    is_cut = len(text) > LOOKED_AT * limit
    text = text[: LOOKED_AT * limit]
    line = re.sub(r"\s+", " ", "".join(char if char.isprintable() else " " for char in text)).strip()
    return line if len(line) <= limit and not is_cut else f"{line[: limit - 1]}…"


def split_url(url: str) -> SplitResult:
    """The parts of a URL that came from elsewhere.

    Raises:
        ValueError: It is none, or too long: `urlsplit` keeps its latest arguments for ever.
    """
    if len(url) > LONGEST_URL:
        raise ValueError("too long")
    return urlsplit(url)


def without_query(url: str) -> str:
    """`url` up to its path: its query may hold an OAuth state, its authority a password."""
    try:
        parts = split_url(url)
    except ValueError:
        return "an address that can't be read"
    authority = parts.netloc.rpartition("@")[2]
    return single_line(f"{parts.scheme}://{authority}{parts.path}" if authority else parts.path)


def short_repr(value: object) -> str:
    """A short form of a value in an error message, in one line."""
    try:
        return single_line(repr(value), limit=80)
    except Exception:  # noqa: BLE001  # a repr of somebody else's, which must not hide what was wrong with the value
        return f"a {type(value).__name__} that can't be shown"
