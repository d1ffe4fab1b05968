"""Paginated lists: pages, and the ways to read a list."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from contextlib import aclosing
from typing import Any, Generic, NoReturn, Protocol, TypeVar, overload

from attrs import field, frozen

from .._core import defaults
from .._core.asyncio_only import require_asyncio, require_loop
from .._core.errors import ConfigurationError
from .list_reader import ListReader
from .page_data import ListSource


class Row(Protocol):
    """A row of a list."""

    def to_dict(self) -> dict[str, Any]: ...


T = TypeVar("T", bound=Row)


@frozen
class Page(Generic[T]):
    """One page of a list."""

    items: list[T]
    count: int
    """The length of the whole list at the time of the response."""
    limit: int
    """The maximum number of rows per page."""
    offset: int
    """How many rows of the list come before this page."""
    has_next: bool
    """True if more rows follow, according to the service. It counts before it reads, so a row may move past the last
    page in between. Iterating over the list finds it."""
    _pager: "Pager[T]" = field(alias="pager", repr=False, eq=False)

    async def next(self) -> "Page[T] | None":
        """Fetch the page after this one; None after the last.

        If rows were added or removed in the meantime, the others have shifted, so some may be repeated or missing.
        Iterating over the list takes care of that.
        """
        return await self._pager.page_at(self.offset + len(self.items)) if self.has_next else None

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)

    def __reversed__(self) -> Iterator[T]:
        return reversed(self.items)

    @overload
    def __getitem__(self, at: int) -> T: ...
    @overload
    def __getitem__(self, at: slice) -> list[T]: ...
    def __getitem__(self, at: int | slice) -> T | list[T]:
        return self.items[at]

    def to_dict(self) -> dict[str, Any]:
        """The page as JSON: `count`, `limit`, `offset`, `has_next`, and `items` as the API has them."""
        numbers = {"count": self.count, "limit": self.limit, "offset": self.offset, "has_next": self.has_next}
        return {**numbers, "items": [item.to_dict() for item in self.items]}


class Pager(Generic[T]):
    """A list that is read on demand.

    `await` it for the first page, iterate over it with `async for` for every row, over `pages()` for every page, or
    `await collect()` for all rows at once. It can be read more than once, each time from the beginning.

    Iterating reads the complete list: a row that exists all the time is returned exactly once, whatever is added and
    removed in the meantime, or ListUnstableError is raised. Pages after the first are fetched ahead; leaving the loop
    cancels requests that are still in flight.
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
        """Iterate over all pages, in order. A page may have fewer rows than its `limit`: repeated rows are dropped."""
        require_asyncio()
        loop = asyncio.get_running_loop()
        reading = ListReader(self._source, limit=self._limit, start=self._offset, concurrency=self._concurrency)
        async with aclosing(reading.slices()) as slices:
            async for part in slices:
                yield Page(
                    items=part.items,
                    count=part.count,
                    limit=part.limit,
                    offset=part.offset,
                    has_next=part.has_next,
                    pager=self,
                )
                require_loop(loop)

    async def collect(self) -> list[T]:
        """Return all rows in a list."""
        return [item async for item in self]

    async def page_at(self, offset: int) -> Page[T]:
        """Fetch the page that starts at `offset`."""
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

    def __repr__(self) -> str:
        return (
            "<Pager: `await` it for the first page, `async for` iterates over all rows, `await collect()` lists them>"
        )

    def __copy__(self) -> "Pager[T]":
        return self

    def __deepcopy__(self, _: object) -> "Pager[T]":
        """A copy of a page continues with the same pager."""
        return self

    def __reduce__(self) -> tuple[Callable[[], "Pager[Any]"], tuple[()]]:
        """Pickling a page drops the store, and with it the API key."""
        return _pager_without_store, ()


def _pager_without_store() -> Pager[Any]:
    return Pager(ListSource(_fetch_nothing, hash), limit=None, offset=0, concurrency=1)


async def _fetch_nothing(_: int | None, __: int) -> NoReturn:
    raise ConfigurationError("a pickled page has no store: continue with list(offset=page.offset + len(page))")
