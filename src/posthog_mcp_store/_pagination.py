"""Lists that come in pages, read one page at a time."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterator
from typing import Generic, TypeVar

from attrs import field, frozen

T = TypeVar("T")

DEFAULT_LIMIT = 100
"""What the service takes for a page's size when it is told none (service facts, section 3)."""


@frozen
class Rows(Generic[T]):
    """One page as the service gives it."""

    items: list[T]
    count: int
    has_next: bool


Fetch = Callable[[int | None, int], Awaitable[Rows[T]]]
"""Reads the page of at most `limit` rows that starts at `offset`."""


@frozen
class Page(Generic[T]):
    """One page of a list."""

    items: list[T]
    count: int
    """How many rows the whole list has, at the time of the answer."""
    limit: int
    """The most rows a page holds."""
    offset: int
    """How many rows of the list come before this page."""
    has_next: bool
    _pager: "Pager[T]" = field(alias="pager", repr=False, eq=False)

    async def next(self) -> "Page[T] | None":
        """The page after this one, or None after the last."""
        return await self._pager.page_at(self.offset + len(self.items)) if self.has_next else None

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)


class Pager(Generic[T]):
    """A list not yet read.

    `await` it for the first page, iterate over it with `async for` for every row, over `pages()` for every page, or
    `await collect()` for all rows at once. It can be read more than once; each time starts afresh.
    """

    def __init__(self, fetch: Fetch[T], *, limit: int | None, offset: int) -> None:
        self._fetch = fetch
        self._limit = limit
        self._offset = offset

    def __await__(self) -> Generator[object, None, Page[T]]:
        return self.page_at(self._offset).__await__()

    async def __aiter__(self) -> AsyncGenerator[T, None]:
        async for page in self.pages():
            for item in page:
                yield item

    async def pages(self) -> AsyncGenerator[Page[T], None]:
        """Every page, in order."""
        page: Page[T] | None = await self
        while page is not None:
            yield page
            page = await page.next()

    async def collect(self) -> list[T]:
        """Every row, in a list."""
        return [item async for item in self]

    async def page_at(self, offset: int) -> Page[T]:
        """The page that starts at `offset`."""
        rows = await self._fetch(self._limit, offset)
        return Page(
            items=rows.items,
            count=rows.count,
            limit=self._limit or DEFAULT_LIMIT,
            offset=offset,
            # A page without rows is the last one, whatever it says of a next.
            has_next=rows.has_next and bool(rows.items),
            pager=self,
        )
