"""The list of an MCP server's tools, which comes in pages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from ._errors import ListUnstableError

if TYPE_CHECKING:
    from mcp import Client
    from mcp_types import ListToolsResult

MAX_PAGES = 100
"""A list that never ends must not keep anybody."""


async def tool_pages(client: Client) -> AsyncIterator[ListToolsResult]:
    """Page after page.

    Raises:
        ListUnstableError: There are more than a hundred.
    """
    page = await client.list_tools()
    for _ in range(MAX_PAGES):
        yield page
        if page.next_cursor is None:
            return
        page = await client.list_tools(cursor=page.next_cursor)
    raise ListUnstableError(f"the list of tools did not end within {MAX_PAGES} pages")
