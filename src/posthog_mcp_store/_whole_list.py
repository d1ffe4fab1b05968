"""Reading a list whole while it changes, several pages at a time.

The service pages by offset, newest row first, so a row that is added or removed between two requests shifts all rows
behind it. Hence every page but the first starts one row early. If a row that was read before is on it, the list goes on
behind that row, whichever page was fetched first. If none is, rows before it were removed, and the page is fetched
again from further ahead. At the end the service's count tells whether a row is missing still (rows of one age have no
fixed order); it is looked for from the top.

A list that holds still costs as many requests as plain paging.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Hashable
from typing import Generic, TypeVar

from attrs import frozen

from ._errors import ListUnstableError
from ._rows import DEFAULT_LIMIT, Rows, Source

T = TypeVar("T")

MARGINS = (8, 64)
"""How many rows further ahead a page is fetched again, attempt by attempt."""
LONG_LIST = 1000
"""A list of more rows than this is long."""
LONG_LIST_LIMIT = 200
"""How many rows a page of a long list holds, where the caller did not say: that halves the requests."""
TURNS_TO_SEND = 3
"""So many turns of the event loop after its task was made, a request is on its way: decoding a page holds them up."""
PAGES_BEYOND_COUNT = 2
"""How many pages are followed past the service's own count, which may be wrong, but must not lead on for ever."""


@frozen
class Span:
    """The rows that one request asks for."""

    offset: int
    limit: int


@frozen
class Part(Generic[T]):
    """What one page adds to the list."""

    items: list[T]
    offset: int
    """How many rows came before it."""
    count: int
    limit: int
    """The most rows it was asked for, those not counted that it repeats."""
    has_next: bool


class Reading(Generic[T]):
    """One reading of a list, from the row at `start` to its end."""

    def __init__(self, source: Source[T], *, limit: int | None, start: int, concurrency: int) -> None:
        self._source = source
        self._limit = limit
        self._start = start
        self._concurrency = concurrency
        self._known: set[Hashable] = set()
        self._end = start
        """The position behind the last row that was read."""
        self._planned = start
        """The position behind the last row that was asked for."""
        self._size = 0
        """How many new rows a page is to bring."""
        self._proven_size = 0
        """How many rows the first page had."""
        self._count = 0
        self._pages_beyond = 0
        self._has_more = False
        self._ahead: deque[tuple[Span, asyncio.Task[Callable[[], Rows[T]]]]] = deque()

    async def parts(self) -> AsyncGenerator[Part[T], None]:
        """What each page adds.

        Raises:
            ListUnstableError: The list changes faster than it can be read, or the service contradicts itself.
        """
        try:
            first = await self._fetch(Span(self._start, self._limit or 0))
            self._size = self._proven_size = len(first.items)
            self._advance(Span(self._start, self._size), first)
            part = self._part(first.items)
            if self._limit is None and self._size == DEFAULT_LIMIT and first.count > LONG_LIST:
                self._size = LONG_LIST_LIMIT
            self._fetch_ahead()
            yield part
            if not self._has_more:
                return
            while self._has_more:
                if new := await self._next():
                    yield self._part(new)
            async for found in self._missing():
                yield self._part(found)
        finally:
            await self._let_go()

    async def _next(self) -> list[T]:
        """The new rows of the next page."""
        self._fetch_ahead()
        span, task = self._ahead.popleft()
        read = await task
        # The next request is on its way while this answer is decoded.
        self._fetch_ahead()
        for _ in range(TURNS_TO_SEND):
            await asyncio.sleep(0)
        rows = read()
        new = self._behind_known(rows.items)
        if new is None:
            span, rows, new = await self._rejoin(span, rows)
        self._advance(span, rows)
        return new

    def _fetch_ahead(self) -> None:
        """Keep as many requests under way as may be, as far as the list is known to reach."""
        while len(self._ahead) < self._concurrency and (self._planned < self._count or self._must_fetch()):
            # One row early, so that the page is seen to go on where the one before it ends.
            span = Span(self._planned - 1, self._size + 1)
            self._planned += self._size
            task = asyncio.get_running_loop().create_task(self._source.fetch(span.limit, span.offset))
            self._ahead.append((span, task))

    def _must_fetch(self) -> bool:
        return self._has_more and not self._ahead and self._planned <= self._end

    def _behind_known(self, items: list[T]) -> list[T] | None:
        """The new rows behind the first one that is known; None where none is. Those before it were added meanwhile."""
        identity, known = self._source.identity, self._known
        for index, item in enumerate(items):
            if identity(item) in known:
                return [each for each in items[index:] if identity(each) not in known]
        return None

    async def _rejoin(self, span: Span, rows: Rows[T]) -> tuple[Span, Rows[T], list[T]]:
        """Fetch a page again from where it goes on from what is known: rows before it were removed."""
        end = span.offset + span.limit
        for margin in MARGINS:
            removed = max(1, self._count - rows.count)
            offset = max(0, min(span.offset, rows.count) - removed - margin)
            again = Span(offset, end - offset)
            rows = await self._fetch(again)
            new = self._behind_known(rows.items)
            if new is None and offset == self._start == 0:
                new = rows.items  # none of the known rows is left, and this is all there is before the next page
            if new is not None:
                return again, rows, new
        raise ListUnstableError("the list changes faster than it can be read: read it again when it is quieter")

    def _advance(self, span: Span, rows: Rows[T]) -> None:
        """Take note of what a page says of the list, and whether more is to come."""
        end = span.offset + len(rows.items)
        if end < rows.count and (not rows.items or end <= self._end):
            raise ListUnstableError(f"the service counts {rows.count} rows, and gives none behind row {self._end}")
        is_past_count = end >= rows.count and rows.leads_beyond(span.offset) and end > self._end
        self._pages_beyond += is_past_count
        if self._pages_beyond > PAGES_BEYOND_COUNT:
            raise ListUnstableError(f"the service counts {rows.count} rows, and names a next page for ever")
        self._has_more = end < rows.count or is_past_count
        self._end, self._count = end, rows.count
        if end < min(span.offset + span.limit, rows.count):
            # Planned for full pages, which this service does not give. As many as at first it does; one is known.
            self._cancel_ahead()
            self._size = max(1, self._proven_size - 1)
        if not self._ahead:
            self._planned = end

    async def _missing(self) -> AsyncGenerator[list[T], None]:
        """Look for the rows that the count says are missing: first among those on top, then among all at once."""
        # Which of the rows before `start` have moved behind it, nobody can say.
        for size in () if self._start else (self._size, self._count + self._size):
            missing = self._count - len(self._known)
            if missing <= 0:
                return
            rows = await self._fetch(Span(0, missing + size))
            self._count = rows.count
            if found := [item for item in rows.items if self._source.identity(item) not in self._known]:
                yield found
        if not self._start and len(self._known) < self._count:
            raise ListUnstableError(f"the service counts {self._count} rows, and gives only {len(self._known)}")

    def _part(self, items: list[T]) -> Part[T]:
        offset = self._start + len(self._known)
        self._known.update(map(self._source.identity, items))
        return Part(items, offset, self._count, max(self._limit or DEFAULT_LIMIT, self._size), self._has_more)

    async def _fetch(self, span: Span) -> Rows[T]:
        read = await self._source.fetch(span.limit or None, span.offset)
        return read()

    def _cancel_ahead(self) -> None:
        for _, task in self._ahead:
            task.cancel()
        self._ahead.clear()

    async def _let_go(self) -> None:
        """Cancel what was fetched in vain, and see it end."""
        tasks = [task for _, task in self._ahead]
        self._cancel_ahead()
        await asyncio.gather(*tasks, return_exceptions=True)
