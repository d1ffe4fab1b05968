"""A toolbox from the service's own list of tools, without a request to any MCP server (extra `mcp`)."""

from collections.abc import Iterator, Sequence
from typing import Any

from mcp_types import Tool
from pydantic import ValidationError

from .._adapter import Installation, ListedTools
from .._core.errors import MCPStoreError, ReauthenticationRequiredError, ResponseDecodeError, UpstreamError
from .._core.headers import Headers
from .._core.text import short_repr, single_line
from .._core.tools import AvailableTool
from .connections import Connections
from .toolbox import InstallationTool, Toolbox, UnavailableInstallation
from .tools import reason


def toolbox(installations: Sequence[Installation], found: ListedTools, connections: Connections) -> Toolbox:
    """The tools of the installations as the service lists them."""
    listed = {server.installation_id: server.tools for server in found.servers}
    tools: list[InstallationTool] = []
    failures: list[UnavailableInstallation] = []
    for installation in installations:
        for tool in listed.get(installation.id, []):
            try:
                tools.append(InstallationTool(installation, _tool(tool), tool.approval_state, connections))
            except ValidationError as error:
                failures.append(UnavailableInstallation(installation, _malformed(tool, error, found)))
        if installation.id not in listed:
            failures.extend(UnavailableInstallation(installation, error) for error in _reasons(installation, found))
    return Toolbox(tools, failures)


def _tool(tool: AvailableTool) -> Tool:
    fields = {
        "name": tool.name,
        "description": tool.description,
        "inputSchema": tool.input_schema or {"type": "object"},
    }
    return Tool.model_validate({**fields, "annotations": tool.annotations or None}, by_name=False)


def _malformed(tool: AvailableTool, error: ValidationError, found: ListedTools) -> ResponseDecodeError:
    fault = f"the tool {short_repr(tool.name)} violates MCP's schema and was left out: {reason(error)}"
    message = single_line(found.redactor.text(fault))
    return ResponseDecodeError(message, status_code=200, headers=Headers({}), body=b"", method="GET", url=found.url)


def _reasons(installation: Installation, found: ListedTools) -> Iterator[MCPStoreError]:
    """Why the service does not list an installation; nothing for one that just has no tools."""
    name = short_repr(installation.name or installation.url)
    where: dict[str, Any] = {"headers": Headers({}), "body": None, "method": "GET", "url": found.url}
    if installation.needs_reauth or installation.pending_oauth:
        todo = "start an OAuth flow with authorize()" if installation.is_owner else "only its owner can do that"
        yield ReauthenticationRequiredError(f"{name} must be authorized by its user: {todo}", status_code=401, **where)
    elif installation.last_sync_error:
        detail = found.redactor.text(installation.last_sync_error)
        message = single_line(f"PostHog could not read the tools of {name}: {detail}")
        yield UpstreamError(message, status_code=502, detail=detail, **where)
    elif installation.tool_count:
        yield MCPStoreError(
            f"none of the {installation.tool_count} tools of {name} can be called: they are blocked, the server is "
            "switched off for the team, or its credentials are missing"
        )
    elif installation.last_synced_at is None:
        yield MCPStoreError(f"PostHog knows no tools of {name}: if it should have some, call refresh_tools()")
