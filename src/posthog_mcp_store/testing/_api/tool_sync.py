"""Reading an installation's tools from its MCP server (docs/service.md, section 10)."""

from contextlib import suppress
from typing import Any

import httpx

from .._framework.errors import ServiceError
from .._model.installations import InstallationRecord
from .._model.state import ServiceState
from .._model.tools import ToolRecord, ToolTable
from .._model.urls import refusal
from .._outbound.mcp_session import UpstreamFailedError, read_tools
from .refreshing import refresh_if_due


async def sync_tools(state: ServiceState, row: InstallationRecord) -> None:
    """Read the tools, and record the outcome.

    Raises:
        UpstreamFailedError: They could not be read. The row keeps the tools that it had.
        httpx.HTTPError: The connection broke, of which the service keeps no record.
    """
    try:
        tools = await _read(state, row)
    except UpstreamFailedError as error:
        state.record_sync(row, str(error))
        raise
    _merge(state, row, tools)
    state.record_sync(row)


async def sync_after_connecting(state: ServiceState, row: InstallationRecord) -> None:
    """What the real service does in the background after an installation. Here it ends before the response is sent."""
    if state.version >= "2026-09" and state.sync_tools_after_install:
        with suppress(UpstreamFailedError, httpx.HTTPError):
            await sync_tools(state, row)


async def known_tools(state: ServiceState, row: InstallationRecord) -> ToolTable:
    """The row's tools, which are read now if the test that added the row left that to the service."""
    if row.tools is None:
        with suppress(UpstreamFailedError, httpx.HTTPError):
            await sync_tools(state, row)
    return ToolTable() if row.tools is None else row.tools


async def _read(state: ServiceState, row: InstallationRecord) -> list[dict[str, Any]]:
    reason = refusal(row.url)
    if reason is not None:
        raise UpstreamFailedError(f"URL not allowed: {reason}")
    try:
        await refresh_if_due(state, row)
    except ServiceError as error:
        raise UpstreamFailedError(f"Token refresh failed: {error.body['error']}") from None
    return await read_tools(row, state.upstreams.get(row.url), seconds=state.upstream_timeout)


def _merge(state: ServiceState, row: InstallationRecord, read: list[dict[str, Any]]) -> None:
    """Known tools keep their states. Those that the server no longer lists are marked as removed."""
    approves = state.approve_new_tools or row.tools is None
    tools, now = ToolTable() if row.tools is None else row.tools, state.now()
    for fields in read:
        name = str(fields["name"])
        if name not in tools:
            tools[name] = ToolRecord(name=name, created_at=now)
            if approves:
                state.choose(row, tools[name], "approved")
        tool = tools[name]
        tool.display_name = fields.get("title") or fields.get("displayName") or ""
        tool.description = fields.get("description") or ""
        tool.input_schema = fields.get("inputSchema") or {}
        tool.annotations = fields.get("annotations") or {}
        tool.last_seen_at = tool.updated_at = now
        tool.removed_at = None
    listed = {str(fields["name"]) for fields in read}
    for tool in tools.sorted():
        if tool.name not in listed:
            tool.removed_at = tool.updated_at = now
    if row.tools is None:
        row.tools = tools
