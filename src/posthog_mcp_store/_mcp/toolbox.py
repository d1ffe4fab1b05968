"""`connect_all()`: the tools of all installations at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
from attrs import field, frozen

from .._adapter import Installation
from .._core.errors import MCPStoreError
from .tool_pages import tool_pages

if TYPE_CHECKING:
    from mcp import Client
    from mcp.shared.dispatcher import ProgressFnT
    from mcp_types import CallToolResult, Tool

    from .client import ProxyClient


@frozen
class InstallationTool:
    """A tool of an installation."""

    installation: Installation
    tool: Tool
    """The tool as its MCP server describes it."""
    _client: Client = field(repr=False, alias="client")

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
        """Call the tool. Arguments and errors are those of `call_tool` on the client that `connect()` returns."""
        return await self._client.call_tool(
            self.name, arguments, read_timeout_seconds, progress_callback=progress_callback
        )


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
async def open_toolbox(
    connections: Sequence[tuple[Installation, AbstractAsyncContextManager[ProxyClient]]], *, concurrency: int
) -> AsyncIterator[Toolbox]:
    """Open the connections, `concurrency` at a time, and list their tools."""
    slots = asyncio.Semaphore(concurrency)
    async with AsyncExitStack() as opened:

        async def listed(installation: Installation, connection: AbstractAsyncContextManager[ProxyClient]) -> Toolbox:
            tools: list[InstallationTool] = []
            errors: list[MCPStoreError] = []
            try:
                async with slots:
                    client = await opened.enter_async_context(connection)
                    try:
                        async for page in tool_pages(client):
                            tools.extend(InstallationTool(installation, tool, client) for tool in page)
                    finally:
                        errors.extend(client.malformed_tools)
            except MCPStoreError as error:
                errors.append(error)
            return Toolbox(tools, [UnavailableInstallation(installation, error) for error in errors])

        toolbox = Toolbox()
        listings = [asyncio.ensure_future(listed(*each)) for each in connections]
        try:
            outcomes = await asyncio.gather(*listings)
        except BaseException:
            # The others must not enter the exit stack while it is being closed.
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
