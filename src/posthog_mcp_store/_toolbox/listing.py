"""Listing the tools of installations: in one request to the service, or by asking each MCP server."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any
from uuid import UUID

import anyio
from attrs import field, frozen

from .._adapter import Installation, ListedTools
from .._core.errors import MCPStoreError, ReauthenticationRequiredError, ResponseDecodeError, UpstreamError
from .._core.headers import Headers
from .._core.text import short_repr, single_line
from .._core.tools import AvailableTool
from .definitions import MAX_TOOLS, ToolDefinition, summarized, usable_tools
from .light_session import LightSession, ToolPage
from .names import unique_names
from .pages import tool_pages
from .toolbox import InstallationTool, Toolbox, ToolCalls, UnavailableInstallation


@frozen
class InstallationTools:
    """What was found out about the tools of one installation."""

    installation: Installation
    tools: list[tuple[ToolDefinition, str | None]] = field(factory=list)
    """With their approval states, where those are known."""
    errors: list[MCPStoreError] = field(factory=list)


def make_toolbox(found: Sequence[InstallationTools], calls: ToolCalls) -> Toolbox:
    """The toolbox with what was found."""
    names = unique_names((each.installation, tool.name) for each in found for tool, _ in each.tools)
    tools = [
        InstallationTool(
            name=tool.name,
            unique_name=names[each.installation.id, tool.name],
            description=tool.description,
            input_schema=tool.input_schema,
            annotations=tool.annotations,
            approval_state=state,
            installation=each.installation,
            calls=calls,
        )
        for each in found
        for tool, state in each.tools
    ]
    failures = [UnavailableInstallation(each.installation, error) for each in found for error in each.errors]
    return Toolbox(tools, failures)


def from_service(installations: Sequence[Installation], listed: ListedTools) -> list[InstallationTools]:
    """The tools as the service lists them."""
    servers = {server.installation_id: server.tools for server in listed.servers}
    found: list[InstallationTools] = []
    for installation in installations:
        tools = servers.get(installation.id)
        if tools is None:
            found.append(InstallationTools(installation, errors=list(_reasons(installation, listed))))
            continue
        usable, faults = usable_tools([_as_in_mcp(tool) for tool in tools])
        states = {tool.name: tool.approval_state for tool in reversed(tools)}
        errors = _errors(map(listed.redactor.text, faults), method="GET", url=listed.url)
        found.append(_bounded(installation, [(tool, states[tool.name]) for tool in usable], errors))
    return found


async def from_servers(
    installations: Sequence[Installation], session_with: Callable[[UUID], LightSession], *, concurrency: int
) -> list[InstallationTools]:
    """Ask each server for its tools, `concurrency` of them at a time."""
    slots = asyncio.Semaphore(concurrency)

    async def listed(installation: Installation) -> InstallationTools:
        async with slots:
            return await _from_server(installation, session_with(installation.id))

    listings = [asyncio.ensure_future(listed(installation)) for installation in installations]
    try:
        return await asyncio.gather(*listings)
    except BaseException:
        await _cancel(listings)
        raise


async def _from_server(installation: Installation, session: LightSession) -> InstallationTools:
    pages: list[ToolPage] = []

    async def fetch(cursor: str | None) -> tuple[Sequence[ToolDefinition], str | None]:
        pages.append(await session.list_tools(cursor))
        return pages[-1].tools, pages[-1].next_cursor

    tools: list[ToolDefinition] = []
    failure: MCPStoreError | None = None
    try:
        async for page in tool_pages(fetch):
            tools.extend(page)
            if len(tools) > MAX_TOOLS:
                break
    except MCPStoreError as error:
        failure = error
    # Pages may repeat each other.
    faults = dict.fromkeys(fault for page in pages for fault in page.faults)
    errors: list[MCPStoreError] = [*_errors(faults, method="POST", url=pages[0].url if pages else "")]
    return _bounded(installation, [(tool, None) for tool in tools], [*errors, *([failure] if failure else [])])


def _bounded(
    installation: Installation, tools: list[tuple[ToolDefinition, str | None]], errors: Sequence[MCPStoreError]
) -> InstallationTools:
    if len(tools) <= MAX_TOOLS:
        return InstallationTools(installation, tools, list(errors))
    error = MCPStoreError(f"the server lists more than {MAX_TOOLS} tools: the others were left out")
    return InstallationTools(installation, tools[:MAX_TOOLS], [*errors, error])


def _as_in_mcp(tool: AvailableTool) -> dict[str, object]:
    """The tool as MCP writes it. The service may have no schema of a tool."""
    return {
        "name": tool.name,
        "description": tool.description,
        "inputSchema": tool.input_schema,
        "annotations": tool.annotations,
    }


def _errors(faults: Iterable[str], *, method: str, url: str) -> list[ResponseDecodeError]:
    return [
        ResponseDecodeError(single_line(fault), status_code=200, headers=Headers({}), body=b"", method=method, url=url)
        for fault in summarized(list(faults))
    ]


def _reasons(installation: Installation, listed: ListedTools) -> Iterator[MCPStoreError]:
    """Why the service does not list an installation; nothing for one that just has no tools."""
    name = short_repr(installation.name or installation.url)
    where: dict[str, Any] = {"headers": Headers({}), "body": None, "method": "GET", "url": listed.url}
    if installation.needs_reauth or installation.pending_oauth:
        todo = "start an OAuth flow with authorize()" if installation.is_owner else "only its owner can do that"
        yield ReauthenticationRequiredError(f"{name} must be authorized by its user: {todo}", status_code=401, **where)
    elif installation.last_sync_error:
        detail = listed.redactor.text(installation.last_sync_error)
        message = single_line(f"PostHog could not read the tools of {name}: {detail}")
        yield UpstreamError(message, status_code=502, detail=detail, **where)
    elif installation.tool_count:
        yield MCPStoreError(
            f"none of the {installation.tool_count} tools of {name} can be called: they are blocked, the server is "
            "switched off for the team, or its credentials are missing"
        )
    elif installation.last_synced_at is None:
        yield MCPStoreError(f"PostHog knows no tools of {name}: if it should have some, call refresh_tools()")


async def _cancel(tasks: Sequence[asyncio.Future[Any]]) -> None:
    for task in tasks:
        task.cancel()
    with anyio.CancelScope(shield=True):
        await asyncio.gather(*tasks, return_exceptions=True)
