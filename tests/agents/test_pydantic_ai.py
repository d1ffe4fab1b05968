from typing import Any

from pydantic_ai import Agent, ModelMessage, ModelResponse, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from posthog_mcp_store import Toolbox

from .cases import AsyncCases, SyncCases, offered

# The recipe in docs/guides/agents.md:
from pydantic_ai import Tool


def agent_tool(tool):
    return Tool.from_schema(tool.run, tool.unique_name, tool.description, tool.input_schema)


# End of the recipe.


def agent(toolbox: Toolbox, tool: str, arguments: dict[str, Any]) -> Agent:
    def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        offered(toolbox, {tool.name: tool.parameters_json_schema for tool in info.function_tools})
        part = messages[-1].parts[-1]
        if isinstance(part, ToolReturnPart):
            return ModelResponse([TextPart(str(part.content))])
        return ModelResponse([ToolCallPart(tool, arguments)])

    return Agent(FunctionModel(answer), tools=[agent_tool(tool) for tool in toolbox.tools])


class TestAsync(AsyncCases):
    async def ask(self, toolbox: Toolbox, tool: str, arguments: dict[str, Any]) -> str:
        return (await agent(toolbox, tool, arguments).run("Help me.")).output


class TestSync(SyncCases):
    def ask(self, toolbox: Toolbox, tool: str, arguments: dict[str, Any]) -> str:
        return agent(toolbox, tool, arguments).run_sync("Help me.").output
