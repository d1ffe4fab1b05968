from typing import Any

import anyio.to_thread
from smolagents import ChatMessage, Model, ToolCallingAgent
from smolagents.models import ChatMessageToolCall, ChatMessageToolCallFunction, get_tool_json_schema

from posthog_mcp_store import Toolbox

from .cases import AsyncCases, SyncCases, offered

# The recipe in docs/guides/agents.md:
from smolagents import Tool


def agent_tool(tool):
    properties, required = tool.input_schema["properties"], tool.input_schema.get("required", [])
    inputs = {k: {"type": "any", "description": "", "nullable": k not in required} | v for k, v in properties.items()}
    texts = {"name": tool.unique_name.replace("-", "_"), "description": f"{tool.description}: {tool.input_schema}"}
    run = {"forward": tool.run_sync, "skip_forward_signature_validation": True}
    return type("InstalledTool", (Tool,), texts | run | {"inputs": inputs, "output_type": "string"})()


# End of the recipe.


class FakeModel(Model):
    def __init__(self, toolbox: Toolbox, tool: str, arguments: dict[str, Any]) -> None:
        super().__init__()
        self._toolbox = toolbox
        self._call = ChatMessageToolCall(ChatMessageToolCallFunction(arguments, tool), "1", "function")

    def generate(self, messages: list[ChatMessage], **options: Any) -> ChatMessage:
        call = self._call
        functions = [get_tool_json_schema(tool)["function"] for tool in options["tools_to_call_from"]]
        schemas = {function["name"]: function["parameters"] for function in functions}
        schemas.pop("final_answer")
        offered(self._toolbox, schemas)
        if messages[-1].role == "tool-response":
            text = messages[-1].content[0]["text"].removeprefix("Observation:\n")
            call = ChatMessageToolCall(ChatMessageToolCallFunction({"answer": text}, "final_answer"), "2", "function")
        return ChatMessage("assistant", tool_calls=[call])


class TestSync(SyncCases):
    errors_are = "told"

    def ask(self, toolbox: Toolbox, tool: str, arguments: dict[str, Any]) -> str:
        model = FakeModel(toolbox, tool, arguments)
        agent = ToolCallingAgent([agent_tool(tool) for tool in toolbox.tools], model, verbosity_level=0)
        return agent.run("Help me.")


class TestAsync(AsyncCases):
    errors_are = "told"

    async def ask(self, toolbox: Toolbox, tool: str, arguments: dict[str, Any]) -> str:
        return await anyio.to_thread.run_sync(TestSync().ask, toolbox, tool, arguments)
