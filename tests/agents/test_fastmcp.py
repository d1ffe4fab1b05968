from typing import Any

from fastmcp import Client, FastMCP

from posthog_mcp_store import Toolbox

from .cases import AsyncCases, offered

# The recipe in docs/guides/agents.md:
from fastmcp.tools import Tool, ToolResult


def agent_tool(tool):
    class InstalledTool(Tool):
        async def run(self, arguments):
            return ToolResult(await tool.run(**arguments))

    return InstalledTool(name=tool.unique_name, description=tool.description, parameters=tool.input_schema)


# End of the recipe.


class TestAsync(AsyncCases):
    errors_are = "told"

    async def ask(self, toolbox: Toolbox, tool: str, arguments: dict[str, Any]) -> str:
        server = FastMCP("Installed tools")
        for each in toolbox.tools:
            server.add_tool(agent_tool(each))
        async with Client(server) as client:
            offered(toolbox, {each.name: each.input_schema for each in await client.list_tools()})
            result = await client.call_tool(tool, arguments, raise_on_error=False)
            return result.content[0].text
