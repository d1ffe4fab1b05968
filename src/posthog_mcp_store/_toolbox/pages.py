"""Listing an MCP server's tools, which is paginated."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from .._core.errors import ListUnstableError

MAX_PAGES = 50
"""An endless list must neither block the caller nor use up the service's 60 calls a minute."""


class Named(Protocol):
    """A tool of any library."""

    @property
    def name(self) -> str: ...


T = TypeVar("T", bound=Named)
FetchPage = Callable[[str | None], Awaitable[tuple[Sequence[T], str | None]]]
"""Takes the cursor of a page; returns its tools, and the cursor of the next page if there is one."""


async def tool_pages(fetch: FetchPage[T]) -> AsyncIterator[list[T]]:
    """Yield the tools page by page, each tool once.

    Raises:
        ListUnstableError: The list does not end: a cursor is repeated, or pages have no new tools. All tools that
            could be read were yielded before.
    """
    cursor: str | None = None
    cursors: set[str] = set()
    names: set[str] = set()
    stale_pages = 0
    for _ in range(MAX_PAGES):
        tools, cursor = await fetch(cursor)
        new: dict[str, T] = {}
        for tool in tools:
            if tool.name not in names:
                new.setdefault(tool.name, tool)
        names.update(new)
        yield list(new.values())
        # Some servers always send the field; an empty cursor marks the last page.
        if not cursor:
            return
        stale_pages = 0 if new else stale_pages + 1
        if cursor in cursors or stale_pages > (0 if tools else 1):
            raise ListUnstableError(f"the list of tools does not end: no new ones after {len(names)} tools")
        cursors.add(cursor)
    raise ListUnstableError(f"the list of tools did not end within {MAX_PAGES} pages: {len(names)} tools were read")
