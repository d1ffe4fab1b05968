"""Decides whether the pages of a list are complete while the list changes. Pure.

The service pages by offset, newest row first: a row that is added or removed between two requests shifts all rows after
it. It also counts in one query and reads in another, so `count` and `next` may be older than the rows of the same
response, and neither proves that everything was read. Two things do:

- **A page that contains a known row continues the list from there.** Each request asks for one row more than its page
  is meant to add, and the next page starts at that row. The rows of a page are contiguous, and rows that are not
  removed keep their order, so none of those is missing between a known row and the end of the page, whichever page was
  fetched first.
- **Only a page that is not full ends the list**: one with fewer rows than requested, although the service has returned
  that many before.

A service may have a maximum page size below what is requested. It shows in a first page that is not full although the
service counts more rows or names a next page; later requests then ask for no more rows than that page had. After such a
page, reading continues for as long as it yields new rows. Two things are taken on trust, because checking them would
cost a second request for every short list: that a first page is the last one if it is not full and the service says
so, and the statements of a service that returns more rows than requested.
"""

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from attrs import frozen

from .._core import defaults
from .._core.errors import ListUnstableError
from .page_data import PageData

T = TypeVar("T")

LONG_LIST = 1000
"""Lists with more rows than this count as long."""
LONG_LIST_LIMIT = 200
"""The page size for long lists, unless the caller sets one. It halves the number of requests."""
SPARE_PAGES = 2
"""How many pages of known rows are read even if the counts do not show that as many rows were added."""
MAX_GROWTH = 2
"""A list may grow to this multiple of its first count (plus some spare pages) while it is read."""


@frozen
class PageRange:
    """The range of rows that one request asks for."""

    offset: int
    limit: int


class ListProgress(Generic[T]):
    """How far a list has been read, from the row at `start`."""

    def __init__(self, identity: Callable[[T], Hashable], *, limit: int | None, start: int) -> None:
        self._identity = identity
        self._start = start
        self._known: set[Hashable] = set()
        self._held: Hashable = None
        """The row after the known ones, at which the next page is to start."""
        self.end = start
        """The position after the last row that was read."""
        self.count = self._first_count = 0
        self.has_more = True
        self.size = limit or defaults.PAGE_LIMIT
        """How many new rows a page is meant to add."""
        self._safe_size = self.size
        self._long_size = limit or LONG_LIST_LIMIT
        self._capacity = self.size + 1
        """How many rows the service returns at once, if it has them."""
        self.is_steady = False
        """True if the pages are as expected, so that more of them can be fetched ahead."""
        self._stalled = 0
        """How many consecutive pages made no progress."""

    @property
    def returned_count(self) -> int:
        """How many rows have been returned."""
        return len(self._known)

    def join(self, span: PageRange, data: PageData[T]) -> list[T] | None:
        """The rows from the first known one on; None if there is none. Those before it have been added since."""
        for index, item in enumerate(data.items):
            row = self._identity(item)
            if row in self._known or row == self._held:
                return data.items[index:]
        # Nothing can be missing before the first page or the top of the list.
        return data.items if not self._known or span.offset == self._start == 0 else None

    def advance(self, span: PageRange, data: PageData[T], joined: list[T], size: int) -> list[T]:
        """Record a page and return its new rows. If there are more than `size`, the last one is held back.

        Raises:
            ListUnstableError: Pages make no progress but do not end the list, or the list grows too fast.
        """
        new = self._unknown(joined)
        self._check_progress(span, data, has_new=bool(new))
        self._held = new.popitem()[0] if self.has_more and len(new) > size else None
        return self._record(new)

    def add_anywhere(self, data: PageData[T]) -> list[T]:
        """Record and return the new rows of a page, regardless of their position."""
        self.count = data.count
        return self._record(self._unknown(data.items))

    def has_next(self, span: PageRange, data: PageData[T]) -> bool:
        """True if rows follow those of a page that were returned, according to the service."""
        return self._held is not None or data.has_more(span.offset)

    def _unknown(self, items: list[T]) -> dict[Hashable, T]:
        data = {self._identity(item): item for item in items}
        for row in self._known.intersection(data):
            del data[row]
        return data

    def _record(self, data: dict[Hashable, T]) -> list[T]:
        self._known.update(data)
        return list(data.values())

    def _check_progress(self, span: PageRange, data: PageData[T], *, has_new: bool) -> None:
        """Decide whether the list continues after a page, and how."""
        length = len(data.items)
        end = span.offset + length
        is_full = min(span.limit, self._capacity) <= length <= span.limit
        self.has_more = is_full or (has_new and data.has_more(span.offset))
        self._learn_page_size(span, data)
        is_regular = length == span.limit and data.leads_beyond(span.offset)
        self.is_steady = is_regular and (has_new or self.is_steady)
        repeats_known = self.is_steady and self._is_explained(end, data.count)
        self._stalled = 0 if end > self.end and (has_new or repeats_known) else self._stalled + 1
        self.end, self.count = end, data.count
        if self.has_more:
            self._check_for_an_end()

    def _check_for_an_end(self) -> None:
        """Raise an error if pages would never end: they make no progress, or the list keeps growing."""
        if self._stalled > 1:
            raise ListUnstableError(f"the service counts {self.count} rows but returns no new ones: try again later")
        most = MAX_GROWTH * (self._first_count + SPARE_PAGES * self.size)
        if max(self.end, len(self._known)) > most:
            raise ListUnstableError(
                f"the list grows faster than it is read: of {self._first_count} rows at first, it is past {most} by now"
            )

    def _learn_page_size(self, span: PageRange, data: PageData[T]) -> None:
        """Learn how many rows the service returns at once."""
        length = len(data.items)
        if not self._known:
            self._first_count = data.count
            self._safe_size = max(1, length - 1)
            self._capacity = length
            if data.count > LONG_LIST:
                self.size = self._long_size
        self._capacity = max(self._capacity, length)
        if length != span.limit:
            self.size = self._safe_size

    def _is_explained(self, end: int, count: int) -> bool:
        """True if the counts show that enough rows were added in front to have shifted known rows this far."""
        added = end - self._start - len(self._known)
        return added <= count - self._first_count + self.size * SPARE_PAGES
