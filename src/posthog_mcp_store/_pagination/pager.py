"""Lists that come in pages: what a page is, and the ways to read a list."""

from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from contextlib import aclosing
from typing import Any, Generic, NoReturn, TypeVar

from attrs import field, frozen

from .._core import defaults
from .._core.asyncio_only import require_asyncio
from .._core.errors import ConfigurationError
from .list_reader import ListReader
from .page_data import ListSource

T = TypeVar("T")


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
    """Whether the service said that rows follow. It counts before it reads, so a row may have moved behind the last
    page meanwhile; iterating over the list finds it."""
    _pager: "Pager[T]" = field(alias="pager", repr=False, eq=False)

    async def next(self) -> "Page[T] | None":
        """The page after this one, or None after the last.

        It holds what stands there by now. Where rows are added or removed meanwhile, the others shift; iterating over
        the list takes care of that.
        """
        return await self._pager.page_at(self.offset + len(self.items)) if self.has_next else None

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)


class Pager(Generic[T]):
    """A list not yet read.

    `await` it for the first page, iterate over it with `async for` for every row, over `pages()` for every page, or
    `await collect()` for all rows at once. It can be read more than once; each time starts afresh.

    Iterating reads the list whole: a row that is there from beginning to end comes exactly once, whatever is added and
    removed meanwhile, or the iteration ends in ListUnstableError. Pages after the first are fetched ahead, and what was
    fetched in vain is let go of when the loop is left.
    """

    def __init__(self, source: ListSource[T], *, limit: int | None, offset: int, concurrency: int) -> None:
        self._source = source
        self._limit = limit
        self._offset = offset
        self._concurrency = concurrency

    def __await__(self) -> Generator[object, None, Page[T]]:
        return self.page_at(self._offset).__await__()

    async def __aiter__(self) -> AsyncGenerator[T, None]:
        async with aclosing(self.pages()) as pages:
            async for page in pages:
                for item in page:
                    yield item

    async def pages(self) -> AsyncGenerator[Page[T], None]:
        """Every page, in order. A page may hold fewer rows than its `limit` where rows came twice."""
        require_asyncio()
        reading = ListReader(self._source, limit=self._limit, start=self._offset, concurrency=self._concurrency)
        async with aclosing(reading.parts()) as parts:
            async for part in parts:
                yield Page(
                    items=part.items,
                    count=part.count,
                    limit=part.limit,
                    offset=part.offset,
                    has_next=part.has_next,
                    pager=self,
                )

    async def collect(self) -> list[T]:
        """Every row, in a list."""
        return [item async for item in self]

    async def page_at(self, offset: int) -> Page[T]:
        """The page that starts at `offset`."""
        read = await self._source.fetch(self._limit, offset)
        data = read()
        return Page(
            items=data.items,
            count=data.count,
            limit=self._limit or defaults.PAGE_LIMIT,
            offset=offset,
            has_next=data.has_more(offset),
            pager=self,
        )

    def __copy__(self) -> "Pager[T]":
        return self

    def __deepcopy__(self, _: object) -> "Pager[T]":
        """A copy of a page reads on where the page does."""
        return self

    def __reduce__(self) -> tuple[Callable[[], "Pager[Any]"], tuple[()]]:
        """A page that is pickled leaves the store behind, and with it the key."""
        return _pager_without_store, ()


def _pager_without_store() -> Pager[Any]:
    return Pager(ListSource(_fetch_nothing, hash), limit=None, offset=0, concurrency=1)


async def _fetch_nothing(_: int | None, __: int) -> NoReturn:
    raise ConfigurationError("a pickled page has no store: continue with list(offset=page.offset + len(page))")
