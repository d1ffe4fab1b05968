import json
from typing import Any

from agno.agent import Agent
from agno.models.base import Model
from agno.models.message import Message
from agno.models.response import ModelResponse

from posthog_mcp_store import Toolbox

from .cases import AsyncCases, SyncCases, offered

# The recipe in docs/guides/agents.md:
from agno.tools import Function


def agent_tool(tool):
    texts = {"name": tool.unique_name, "description": tool.description}
    return Function(**texts, parameters=tool.input_schema, entrypoint=tool.run, skip_entrypoint_processing=True)


# End of the recipe.


class FakeModel(Model):
    """Its methods get what they need as keywords, and more."""

    def __init__(self, toolbox: Toolbox, tool: str, arguments: dict[str, Any]) -> None:
        super().__init__(id="fake")
        self._toolbox = toolbox
        function = {"name": tool, "arguments": json.dumps(arguments)}
        self._call = {"id": "1", "type": "function", "function": function}

    def invoke(self, messages: list[Message], tools: list[dict[str, Any]], **others: Any) -> ModelResponse:
        functions = [tool["function"] for tool in tools]
        offered(self._toolbox, {function["name"]: function["parameters"] for function in functions})
        if messages[-1].role == "tool":
            return ModelResponse(role="assistant", content=messages[-1].content)
        return ModelResponse(role="assistant", tool_calls=[self._call])

    async def ainvoke(self, **options: Any) -> ModelResponse:
        return self.invoke(**options)

    def invoke_stream(self, **options: Any) -> Any:
        raise NotImplementedError

    ainvoke_stream = _parse_provider_response = _parse_provider_response_delta = invoke_stream


class TestAsync(AsyncCases):
    errors_are = "told"

    async def ask(self, toolbox: Toolbox, tool: str, arguments: dict[str, Any]) -> str:
        agent = Agent(model=FakeModel(toolbox, tool, arguments), tools=[agent_tool(tool) for tool in toolbox.tools])
        return (await agent.arun("Help me.")).content


class TestSync(SyncCases):
    errors_are = "told"

    def ask(self, toolbox: Toolbox, tool: str, arguments: dict[str, Any]) -> str:
        tools = [agent_tool(tool) for tool in toolbox.tools]
        for each, installed in zip(tools, toolbox.tools, strict=True):
            each.entrypoint = installed.run_sync
        agent = Agent(model=FakeModel(toolbox, tool, arguments), tools=tools)
        return agent.run("Help me.").content
