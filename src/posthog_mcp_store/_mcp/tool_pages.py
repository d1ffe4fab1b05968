"""The list of an MCP server's tools, which comes in pages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from .._core.errors import ListUnstableError

if TYPE_CHECKING:
    from mcp import Client
    from mcp_types import Tool

MAX_PAGES = 50
"""A list that never ends must not keep anybody, nor use up the service's 60 calls a minute."""


async def tool_pages(client: Client) -> AsyncIterator[list[Tool]]:
    """The tools, page after page, each of them once.

    Raises:
        ListUnstableError: The list does not end, because a cursor or only known tools come again. All that could be
            read was given before.
    """
    cursor: str | None = None
    cursors: set[str] = set()
    names: set[str] = set()
    barren = 0
    for _ in range(MAX_PAGES):
        page = await client.list_tools(cursor=cursor)
        new: dict[str, Tool] = {}
        for tool in page.tools:
            if tool.name not in names:
                new.setdefault(tool.name, tool)
        names.update(new)
        yield list(new.values())
        cursor = page.next_cursor
        # Servers that always send the field mean by an empty one that there is no other page.
        if not cursor:
            return
        barren = 0 if new else barren + 1
        if cursor in cursors or barren > (0 if page.tools else 1):
            raise ListUnstableError(f"the list of tools does not end: no new ones after {len(names)} tools")
        cursors.add(cursor)
    raise ListUnstableError(f"the list of tools did not end within {MAX_PAGES} pages: {len(names)} tools were read")
