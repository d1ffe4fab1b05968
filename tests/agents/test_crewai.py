import json
from typing import Any

from crewai import Agent, BaseLLM

from posthog_mcp_store import Toolbox

from .cases import AsyncCases, SyncCases, offered

# The recipe in docs/guides/agents.md:
from crewai.tools import BaseTool


def agent_tool(tool):
    class InstalledTool(BaseTool):
        run = _run = staticmethod(tool.run_sync)

    return InstalledTool(name=tool.unique_name, description=tool.description, args_schema=tool.input_schema)


# End of the recipe.


class FakeModel(BaseLLM):
    toolbox: Any
    tool: str
    arguments: dict[str, Any]

    def call(self, messages: list[dict[str, Any]], tools: Any = None, *others: Any, **options: Any) -> Any:
        if messages[-1]["role"] == "tool":
            return messages[-1]["content"]
        functions = [tool["function"] for tool in tools]
        offered(self.toolbox, {function["name"]: function["parameters"] for function in functions})
        return [{"id": "1", "function": {"name": self.tool, "arguments": json.dumps(self.arguments)}}]

    def supports_function_calling(self) -> bool:
        return True


def agent(toolbox: Toolbox, tool: str, arguments: dict[str, Any]) -> Agent:
    model = FakeModel(model="fake", toolbox=toolbox, tool=tool, arguments=arguments)
    tools = [agent_tool(tool) for tool in toolbox.tools]
    return Agent(role="Helper", goal="Help", backstory="", llm=model, tools=tools)


class TestSync(SyncCases):
    errors_are = "told"

    def ask(self, toolbox: Toolbox, tool: str, arguments: dict[str, Any]) -> str:
        return agent(toolbox, tool, arguments).kickoff("Help me.").raw


class TestAsync(AsyncCases):
    errors_are = "told"

    async def ask(self, toolbox: Toolbox, tool: str, arguments: dict[str, Any]) -> str:
        return (await agent(toolbox, tool, arguments).kickoff_async("Help me.")).raw
