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
    """One page of a list: a sequence of its rows, with `len(page)`, `page[0]` and iteration.

    Attributes:
        items: The rows.
        count: The length of the whole list at the time of the response.
        limit: The maximum number of rows per page.
        offset: The number of rows in the list before this page.
        has_next: True if more rows follow, according to the service. It counts before it reads, so a row may move past
            the last page in between. Iterating over the list finds it.
    """

    items: list[T]
    count: int
    limit: int
    offset: int
    has_next: bool
    _pager: "Pager[T]" = field(alias="pager", repr=False, eq=False)

    async def next(self) -> "Page[T] | None":
        """Fetch the page after this one. Returns None, without a request, if `has_next` is false.

        If rows were added or removed in the meantime, the others have moved, so some may be repeated or missing.
        Iterating over the list takes care of that.

        Raises:
            ConfigurationError: The page was pickled, so it has no store.
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
        """The page as a JSON object: `count`, `limit`, `offset`, `has_next`, and `items` as in the API."""
        numbers = {"count": self.count, "limit": self.limit, "offset": self.offset, "has_next": self.has_next}
        return {**numbers, "items": [item.to_dict() for item in self.items]}


class Pager(Generic[T]):
    """A list that is fetched when it is read. Every reading starts again at the beginning.

    ```python
    page = await pager                # the first page only
    async for row in pager: ...       # every row
    async for page in pager.pages(): ...
    rows = await pager.collect()      # every row, as a list
    ```

    `await` reads one page only, of 100 rows by default; `async for` and `.collect()` read all.

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
        """Iterate over all pages, in order. A page may have fewer rows than its `limit`: repeated rows are dropped.

        Raises:
            ListUnstableError: The list changed too fast to be read completely.
        """
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
        """Return all rows as a list.

        Raises:
            ListUnstableError: The list changed too fast to be read completely.
        """
        return [item async for item in self]

    async def page_at(self, offset: int) -> Page[T]:
        """Fetch a single page.

        Args:
            offset: The number of rows to skip, from 0. Beyond the end of the list, the page is empty.
        """
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
        # A copy of a page continues with the same pager.
        return self

    def __reduce__(self) -> tuple[Callable[[], "Pager[Any]"], tuple[()]]:
        # Pickling a page drops the store, and with it the API key.
        return _pager_without_store, ()


def _pager_without_store() -> Pager[Any]:
    return Pager(ListSource(_fetch_nothing, hash), limit=None, offset=0, concurrency=1)


async def _fetch_nothing(_: int | None, __: int) -> NoReturn:
    raise ConfigurationError("a pickled page has no store: continue with list(offset=page.offset + len(page))")
