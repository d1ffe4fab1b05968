"""`connect_all()`: the tools of all installations at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
from attrs import field, frozen

from .._adapter import Installation
from .._core.errors import MCPStoreError
from .connections import Connections
from .tool_pages import tool_pages

if TYPE_CHECKING:
    from mcp.shared.dispatcher import ProgressFnT
    from mcp_types import CallToolResult, Tool


@frozen
class InstallationTool:
    """A tool of an installation."""

    installation: Installation
    tool: Tool
    """The tool as its MCP server describes it."""
    approval_state: str | None
    """`approved` or `needs_approval`. In the second case `call()` raises ToolApprovalRequiredError, which says how to
    approve it. None on instances last updated in spring 2026, which do not list it."""
    _connections: Connections = field(repr=False, eq=False, alias="connections")

    @property
    def name(self) -> str:
        """The name that the server uses. Tools of different installations may have the same name."""
        return self.tool.name

    @property
    def description(self) -> str:
        return self.tool.description or ""

    async def call(
        self,
        arguments: dict[str, Any] | None = None,
        *,
        progress_callback: ProgressFnT | None = None,
        read_timeout_seconds: float | None = None,
    ) -> CallToolResult:
        """Call the tool. The first call of an installation's tools opens its MCP session.

        Arguments and errors are those of `connect()` and of `call_tool` on the client that it returns.
        """
        client = await self._connections.client(self.installation.id)
        return await client.call_tool(self.name, arguments, read_timeout_seconds, progress_callback=progress_callback)


@frozen
class UnavailableInstallation:
    """An installation whose tools could not be listed, or not all of them, with the error."""

    installation: Installation
    error: MCPStoreError


@frozen
class Toolbox:
    """The tools of all enabled installations, and the failures to list some of them."""

    tools: list[InstallationTool] = field(factory=list)
    failures: list[UnavailableInstallation] = field(factory=list)


@asynccontextmanager
async def connected_toolbox(
    installations: Sequence[Installation], connections: Connections, *, concurrency: int
) -> AsyncIterator[Toolbox]:
    """Connect to the installations, `concurrency` at a time, and let each server list its tools.

    Instances last updated in spring 2026 have no other list.
    """
    slots = asyncio.Semaphore(concurrency)

    async def listed(installation: Installation) -> Toolbox:
        tools: list[InstallationTool] = []
        errors: list[MCPStoreError] = []
        try:
            async with slots:
                client = await connections.client(installation.id)
                try:
                    async for page in tool_pages(client):
                        tools.extend(InstallationTool(installation, tool, None, connections) for tool in page)
                finally:
                    errors.extend(client.malformed_tools)
        except MCPStoreError as error:
            errors.append(error)
        return Toolbox(tools, [UnavailableInstallation(installation, error) for error in errors])

    async with connections:
        toolbox = Toolbox()
        listings = [asyncio.ensure_future(listed(installation)) for installation in installations]
        try:
            outcomes = await asyncio.gather(*listings)
        except BaseException:
            # The others must not open connections while these are being closed.
            await _cancel(listings)
            raise
        for outcome in outcomes:
            toolbox.tools.extend(outcome.tools)
            toolbox.failures.extend(outcome.failures)
        yield toolbox


async def _cancel(tasks: Sequence[asyncio.Future[Any]]) -> None:
    for task in tasks:
        task.cancel()
    with anyio.CancelScope(shield=True):
        await asyncio.gather(*tasks, return_exceptions=True)
