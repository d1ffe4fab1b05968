import json
from collections.abc import AsyncIterator
from typing import Any

from strands import Agent
from strands.models import Model

from posthog_mcp_store import Toolbox

from .cases import AsyncCases, SyncCases, offered

# The recipe in docs/guides/agents.md:
from strands.tools import PythonAgentTool


def agent_tool(tool):
    async def call(tool_use, **state):
        content = [{"text": await tool.run(**tool_use["input"])}]
        return {"toolUseId": tool_use["toolUseId"], "status": "success", "content": content}

    texts = {"name": tool.unique_name, "description": tool.description}
    return PythonAgentTool(tool.unique_name, {**texts, "inputSchema": {"json": tool.input_schema}}, call)


# End of the recipe.


class FakeModel(Model):
    def __init__(self, toolbox: Toolbox, tool: str, arguments: dict[str, Any]) -> None:
        self._toolbox, self._tool, self._arguments = toolbox, tool, arguments

    async def stream(self, messages: Any, tool_specs: Any, *others: Any, **options: Any) -> AsyncIterator[Any]:
        offered(self._toolbox, {spec["name"]: spec["inputSchema"]["json"] for spec in tool_specs})
        start: Any = {"toolUse": {"name": self._tool, "toolUseId": "1"}}
        delta: Any = {"toolUse": {"input": json.dumps(self._arguments)}}
        reason = "tool_use"
        if result := messages[-1]["content"][0].get("toolResult"):
            start, delta, reason = {}, {"text": result["content"][0]["text"]}, "end_turn"
        yield {"messageStart": {"role": "assistant"}}
        yield {"contentBlockStart": {"start": start}}
        yield {"contentBlockDelta": {"delta": delta}}
        yield {"contentBlockStop": {}}
        yield {"messageStop": {"stopReason": reason}}

    def get_config(self) -> dict[str, Any]:
        return {}

    def update_config(self, **config: Any) -> None:
        raise NotImplementedError

    def structured_output(self, *arguments: Any, **options: Any) -> Any:
        raise NotImplementedError


def agent(toolbox: Toolbox, tool: str, arguments: dict[str, Any]) -> Agent:
    tools = [agent_tool(tool) for tool in toolbox.tools]
    return Agent(FakeModel(toolbox, tool, arguments), tools=tools, callback_handler=None)


class TestAsync(AsyncCases):
    errors_are = "told"

    async def ask(self, toolbox: Toolbox, tool: str, arguments: dict[str, Any]) -> str:
        return str(await agent(toolbox, tool, arguments).invoke_async("Help me."))


class TestSync(SyncCases):
    errors_are = "told"

    def ask(self, toolbox: Toolbox, tool: str, arguments: dict[str, Any]) -> str:
        return str(agent(toolbox, tool, arguments)("Help me."))
