"""Limit/offset paging (docs/service.md, section 3). Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

DEFAULT_LIMIT = 100


@dataclass(frozen=True)
class LimitOffset:
    """The requested range of rows."""

    limit: int
    offset: int


def read_limit_offset(query: Mapping[str, str]) -> LimitOffset:
    """Read both from a query. Invalid numbers are ignored, and are never an error."""
    return LimitOffset(
        limit=_whole_number(query.get("limit"), at_least=1, default=DEFAULT_LIMIT),
        offset=_whole_number(query.get("offset"), at_least=0, default=0),
    )


def _whole_number(text: str | None, *, at_least: int, default: int) -> int:
    try:
        number = int(text or "")
    except ValueError:
        return default
    return number if number >= at_least else default


def next_link(url: str, asked: LimitOffset, count: int) -> str | None:
    following = asked.offset + asked.limit
    return _with_limit_offset(url, asked.limit, following) if following < count else None


def previous_link(url: str, asked: LimitOffset) -> str | None:
    if asked.offset == 0:
        return None
    return _with_limit_offset(url, asked.limit, max(asked.offset - asked.limit, 0))


def _with_limit_offset(url: str, limit: int, offset: int) -> str:
    """The URL with a different limit and offset. Keys are sorted, and the first page has no `offset`."""
    parts = urlsplit(url)
    query = parse_qs(parts.query, keep_blank_values=True)
    query.pop("offset", None)
    query["limit"] = [str(limit)]
    if offset:
        query["offset"] = [str(offset)]
    return urlunsplit(parts._replace(query=urlencode(sorted(query.items()), doseq=True)))
