"""Pages of a list as the service returns them, and their source."""

from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar
from urllib.parse import parse_qs

from attrs import frozen

from .._core.text import split_url

T = TypeVar("T")


@frozen
class PageData(Generic[T]):
    """One page as the service returns it."""

    items: list[T]
    count: int
    """The length of the whole list, according to the service."""
    next: str | None

    def has_more(self, offset: int) -> bool:
        """True if rows follow this page, which starts at `offset`. None follow an empty page."""
        return bool(self.items) and (offset + len(self.items) < self.count or self.leads_beyond(offset))

    def leads_beyond(self, offset: int) -> bool:
        """True if the `next` link names a later offset.

        The link is used for nothing else and never opened: its host is the server's own view of itself.
        """
        try:
            values = parse_qs(split_url(self.next or "").query).get("offset", [])
            return bool(values) and int(values[-1]) > offset
        except ValueError:
            return False


FetchPage = Callable[[int | None, int], Coroutine[Any, Any, Callable[[], PageData[T]]]]
"""Fetches the page of at most `limit` rows that starts at `offset`, and returns a function that decodes it."""


@frozen
class ListSource(Generic[T]):
    """The source of a list, with the function that identifies a row."""

    fetch: FetchPage[T]
    identity: Callable[[T], Hashable]
