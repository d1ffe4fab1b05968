"""Limit/offset paging (service facts, section 3). Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

DEFAULT_LIMIT = 100


@dataclass(frozen=True)
class Window:
    """The rows that a request asks for."""

    limit: int
    offset: int


def window(query: Mapping[str, str]) -> Window:
    """Read the window from a query. What is no usable number counts as not given, and is never an error."""
    return Window(
        limit=_whole_number(query.get("limit"), at_least=1, default=DEFAULT_LIMIT),
        offset=_whole_number(query.get("offset"), at_least=0, default=0),
    )


def _whole_number(text: str | None, *, at_least: int, default: int) -> int:
    try:
        number = int(text or "")
    except ValueError:
        return default
    return number if number >= at_least else default


def next_link(url: str, asked: Window, count: int) -> str | None:
    following = asked.offset + asked.limit
    return _with_window(url, asked.limit, following) if following < count else None


def previous_link(url: str, asked: Window) -> str | None:
    if asked.offset == 0:
        return None
    return _with_window(url, asked.limit, max(asked.offset - asked.limit, 0))


def _with_window(url: str, limit: int, offset: int) -> str:
    """The URL with another window: other parameters kept, keys sorted, no `offset` on the first page."""
    parts = urlsplit(url)
    query = parse_qs(parts.query, keep_blank_values=True)
    query.pop("offset", None)
    query["limit"] = [str(limit)]
    if offset:
        query["offset"] = [str(offset)]
    return urlunsplit(parts._replace(query=urlencode(sorted(query.items()), doseq=True)))
