"""Rows of a list as the service gives them, and where they come from."""

from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar
from urllib.parse import parse_qs

from attrs import frozen

from .._core.text import split_url

T = TypeVar("T")


@frozen
class PageData(Generic[T]):
    """One page as the service gives it."""

    items: list[T]
    count: int
    """How many rows the whole list has, it says."""
    next: str | None

    def has_more(self, offset: int) -> bool:
        """Whether rows follow those of this page, which starts at `offset`. After a page without rows, none do."""
        return bool(self.items) and (offset + len(self.items) < self.count or self.leads_beyond(offset))

    def leads_beyond(self, offset: int) -> bool:
        """Whether the `next` link names a later offset.

        That is all it is read for. It is never opened: its host is the server's own view of itself.
        """
        try:
            values = parse_qs(split_url(self.next or "").query).get("offset", [])
            return bool(values) and int(values[-1]) > offset
        except ValueError:
            return False


FetchPage = Callable[[int | None, int], Coroutine[Any, Any, Callable[[], PageData[T]]]]
"""Fetches the page of at most `limit` rows that starts at `offset`. What it gives decodes the page."""


@frozen
class ListSource(Generic[T]):
    """Where a list comes from, and what tells one of its rows from another."""

    fetch: FetchPage[T]
    identity: Callable[[T], Hashable]
