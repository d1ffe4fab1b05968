"""Reading a complete list while it changes, several pages at a time.

`list_progress` decides whether the pages are complete. This module fetches them: ahead, as far as the list reaches
according to its count, and again from an earlier offset if a page contains no known row because rows before it were
removed.

An unchanged list takes as many requests as plain paging: the additional row of each request shows whether another page
follows. The service's count only determines how far to fetch ahead, and whether to search once more at the end: rows of
the same age have no fixed order, so one of them may have moved to a page that was already read.
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
"""How many rows earlier a page starts when it is fetched again, for each attempt."""
TURNS_TO_SEND = 3
"""The iterations of the event loop that a new task needs to send its request. Decoding a page would delay them."""


@frozen
class PageSlice(Generic[T]):
    """The part of the list that one page adds."""

    items: list[T]
    offset: int
    """How many rows come before it."""
    count: int
    limit: int
    """The maximum number of rows requested, without the one at which the next page starts."""
    has_next: bool


class ListReader(Generic[T]):
    """Reads a list once, from the row at `start` to its end."""

    def __init__(self, source: ListSource[T], *, limit: int | None, start: int, concurrency: int) -> None:
        self._source = source
        self._limit = limit or defaults.PAGE_LIMIT
        self._start = start
        self._concurrency = concurrency
        self._progress = ListProgress(source.identity, limit=limit, start=start)
        self._planned = start
        """The offset of the next request."""
        self._ahead: deque[tuple[PageRange, asyncio.Task[Callable[[], PageData[T]]]]] = deque()

    async def slices(self) -> AsyncGenerator[PageSlice[T], None]:
        """Yield the rows that each page adds.

        Raises:
            ListUnstableError: The list changes faster than it can be read, or the service contradicts itself.
        """
        try:
            self._fetch_ahead(at_least=1)
            while self._ahead:
                part = await self._next()
                if self._progress.has_more:
                    self._fetch_ahead(at_least=1)
                if part.items or not self._progress.returned_count:
                    yield part
            async for part in self._missing():
                yield part
        finally:
            await self._cancel_and_wait()

    async def _next(self) -> PageSlice[T]:
        """The rows that the next page adds, if any."""
        span, task = self._ahead.popleft()
        size = span.limit - 1
        read = await task
        # Send the next request before this response is decoded.
        self._fetch_ahead()
        for _ in range(TURNS_TO_SEND):
            await asyncio.sleep(0)
        data = read()
        joined = self._progress.join(span, data)
        if joined is None:
            span, data, joined = await self._rejoin(span, data)
        offset = self._start + self._progress.returned_count
        new = self._progress.advance(span, data, joined, size)
        if len(data.items) != span.limit:
            self._replan()
        has_next = self._progress.has_next(span, data)
        return PageSlice(new, offset, data.count, max(self._limit, size), has_next)

    def _fetch_ahead(self, at_least: int = 0) -> None:
        """Keep as many requests in flight as allowed, as far as the list reaches according to its count."""
        size, count = self._progress.size, self._progress.count
        most = self._concurrency if self._progress.is_steady else 0
        while len(self._ahead) < at_least or (len(self._ahead) < most and self._planned < count):
            span = PageRange(self._planned, size + 1)
            self._planned += size
            task = asyncio.get_running_loop().create_task(self._source.fetch(span.limit, span.offset))
            self._ahead.append((span, task))

    def _replan(self) -> None:
        """Continue where the last page ended, whatever was planned.

        Start some rows earlier: a page that joins although a few rows were removed can prove that the list has ended.
        """
        self._cancel_ahead()
        self._planned = max(0, self._progress.end - max(1, self._progress.size // 2))

    async def _rejoin(self, span: PageRange, data: PageData[T]) -> tuple[PageRange, PageData[T], list[T]]:
        """Fetch a page again from an earlier offset, to join the known rows: rows before it were removed."""
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
        """Search for rows that are missing according to the count; in a long list, first at the top."""
        progress = self._progress
        # With a `start`, the count does not show whether rows are missing: some may have moved past it.
        if self._start:
            return
        for is_whole in (False, True) if progress.count > LONG_LIST else (True,):
            missing = progress.count - progress.returned_count
            if missing <= 0:
                return
            span = PageRange(0, progress.size + (progress.count if is_whole else missing))
            data = await self._fetch(span)
            offset = progress.returned_count
            if found := progress.add_anywhere(data):
                yield PageSlice(found, offset, data.count, max(self._limit, progress.size), has_next=False)
            if len(data.items) < span.limit:
                break
        if progress.returned_count < progress.count:
            raise ListUnstableError(
                f"the service counts {progress.count} rows but returned only {progress.returned_count}"
            )

    async def _fetch(self, span: PageRange) -> PageData[T]:
        read = await self._source.fetch(span.limit, span.offset)
        return read()

    def _cancel_ahead(self) -> None:
        for _, task in self._ahead:
            task.cancel()
        self._ahead.clear()

    async def _cancel_and_wait(self) -> None:
        """Cancel requests that are no longer needed, and wait for them to end."""
        tasks = [task for _, task in self._ahead]
        if tasks and tasks[0].get_loop() is not asyncio.get_running_loop():
            # Another event loop can neither cancel nor await them. They end by themselves.
            return
        self._cancel_ahead()
        await asyncio.gather(*tasks, return_exceptions=True)
