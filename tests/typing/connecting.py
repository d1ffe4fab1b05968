"""Code as users of `connect()` write it, for the type checker: never run. It requires the package `mcp`."""

from typing import assert_type
from uuid import UUID

import mcp
from mcp import types

from posthog_mcp_store import MCPStore


async def connecting(store: MCPStore, id: UUID) -> None:
    async def log(params: types.LoggingMessageNotificationParams) -> None: ...

    async with store.installations.connect(id, stream_timeout=60, logging_callback=log) as client:
        assert_type(client, mcp.Client)
        assert_type(await client.call_tool("add", {"a": 1}), types.CallToolResult)
    store.installations.connect(id, logging_callback=print)  # type: ignore[arg-type]
