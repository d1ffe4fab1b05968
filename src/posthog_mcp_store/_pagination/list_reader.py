"""Reading a list whole while it changes, several pages at a time.

`list_progress` decides what the pages prove. Here they are fetched: ahead, as far as the list is counted to reach,
and again from further ahead where a page holds no known row, because rows before it were removed.

A list that holds still costs as many requests as plain paging: the row that each request asks for beyond its page shows
whether another one follows. The service's count decides on nothing but how far to fetch ahead, and whether to look once
more at the end: rows of equal age have no fixed order, so one of them may have moved to a page already read.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from typing import Generic, TypeVar

from attrs import frozen

from .._core import defaults
from .._core.errors import ListUnstableError
from .list_progress import LONG_LIST, ListProgress, PageRange
from .page_data import ListSource, PageData

T = TypeVar("T")

MARGINS = (8, 64)
"""How many rows further ahead a page is fetched again, attempt by attempt."""
TURNS_TO_SEND = 3
"""So many turns of the event loop after its task was made, a request is on its way: decoding a page holds them up."""


@frozen
class PageSlice(Generic[T]):
    """What one page adds to the list."""

    items: list[T]
    offset: int
    """How many rows came before it."""
    count: int
    limit: int
    """The most rows it was asked for, without the one that the next page starts at."""
    has_next: bool


class ListReader(Generic[T]):
    """One reading of a list, from the row at `start` to its end."""

    def __init__(self, source: ListSource[T], *, limit: int | None, start: int, concurrency: int) -> None:
        self._source = source
        self._limit = limit or defaults.PAGE_LIMIT
        self._start = start
        self._concurrency = concurrency
        self._progress = ListProgress(source.identity, limit=limit, start=start)
        self._planned = start
        """Where the next request starts."""
        self._ahead: deque[tuple[PageRange, asyncio.Task[Callable[[], PageData[T]]]]] = deque()

    async def parts(self) -> AsyncGenerator[PageSlice[T], None]:
        """What each page adds.

        Raises:
            ListUnstableError: The list changes faster than it can be read, or the service contradicts itself.
        """
        try:
            self._fetch_ahead(at_least=1)
            while self._ahead:
                part = await self._next()
                if self._progress.has_more:
                    self._fetch_ahead(at_least=1)
                if part.items or not self._progress.known:
                    yield part
            async for part in self._missing():
                yield part
        finally:
            await self._let_go()

    async def _next(self) -> PageSlice[T]:
        """What the next page adds, if anything."""
        span, task = self._ahead.popleft()
        size = span.limit - 1
        read = await task
        # The next request is on its way while this answer is decoded.
        self._fetch_ahead()
        for _ in range(TURNS_TO_SEND):
            await asyncio.sleep(0)
        data = read()
        joined = self._progress.join(span, data)
        if joined is None:
            span, data, joined = await self._rejoin(span, data)
        offset = self._start + self._progress.known
        new = self._progress.advance(span, data, joined, size)
        if len(data.items) != span.limit:
            self._replan()
        has_next = self._progress.has_next(span, data)
        return PageSlice(new, offset, data.count, max(self._limit, size), has_next)

    def _fetch_ahead(self, at_least: int = 0) -> None:
        """Keep as many requests under way as may be, as far as the list is counted to reach."""
        size, count = self._progress.size, self._progress.count
        most = self._concurrency if self._progress.is_steady else 0
        while len(self._ahead) < at_least or (len(self._ahead) < most and self._planned < count):
            span = PageRange(self._planned, size + 1)
            self._planned += size
            task = asyncio.get_running_loop().create_task(self._source.fetch(span.limit, span.offset))
            self._ahead.append((span, task))

    def _replan(self) -> None:
        """Go on where the last page ended, whatever was planned.

        Some rows early: a page that joins although a few rows were removed can prove at once that the list is over.
        """
        self._cancel_ahead()
        self._planned = max(0, self._progress.end - max(1, self._progress.size // 2))

    async def _rejoin(self, span: PageRange, data: PageData[T]) -> tuple[PageRange, PageData[T], list[T]]:
        """Fetch a page again from where it goes on from what is known: rows before it were removed."""
        end = span.offset + span.limit
        for margin in MARGINS:
            removed = max(1, self._progress.count - data.count)
            offset = max(0, min(span.offset, data.count) - removed - margin)
            again = PageRange(offset, end - offset)
            data = await self._fetch(again)
            joined = self._progress.join(again, data)
            if joined is not None:
                return again, data, joined
        raise ListUnstableError("the list changes faster than it can be read: try again later")

    async def _missing(self) -> AsyncGenerator[PageSlice[T], None]:
        """Look for the rows that the count says are missing: in a long list first among those on top."""
        progress = self._progress
        # Which of the rows before `start` have moved behind it, nobody can say.
        if self._start:
            return
        for is_whole in (False, True) if progress.count > LONG_LIST else (True,):
            missing = progress.count - progress.known
            if missing <= 0:
                return
            span = PageRange(0, progress.size + (progress.count if is_whole else missing))
            data = await self._fetch(span)
            offset = progress.known
            if found := progress.find(data):
                yield PageSlice(found, offset, data.count, max(self._limit, progress.size), has_next=False)
            if len(data.items) < span.limit:
                break
        if progress.known < progress.count:
            raise ListUnstableError(f"the service counts {progress.count} rows but returned only {progress.known}")

    async def _fetch(self, span: PageRange) -> PageData[T]:
        read = await self._source.fetch(span.limit, span.offset)
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
