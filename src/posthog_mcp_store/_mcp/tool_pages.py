"""Listing an MCP server's tools, which is paginated."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from .._core.errors import ListUnstableError

if TYPE_CHECKING:
    from mcp import Client
    from mcp_types import Tool

MAX_PAGES = 50
"""An endless list must neither block the caller nor use up the service's 60 calls a minute."""


async def tool_pages(client: Client) -> AsyncIterator[list[Tool]]:
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
        page = await client.list_tools(cursor=cursor)
        new: dict[str, Tool] = {}
        for tool in page.tools:
            if tool.name not in names:
                new.setdefault(tool.name, tool)
        names.update(new)
        yield list(new.values())
        cursor = page.next_cursor
        # Some servers always send the field; an empty cursor marks the last page.
        if not cursor:
            return
        stale_pages = 0 if new else stale_pages + 1
        if cursor in cursors or stale_pages > (0 if page.tools else 1):
            raise ListUnstableError(f"the list of tools does not end: no new ones after {len(names)} tools")
        cursors.add(cursor)
    raise ListUnstableError(f"the list of tools did not end within {MAX_PAGES} pages: {len(names)} tools were read")
