from typing import Any

import anyio.to_thread
from smolagents import ChatMessage, Model, ToolCallingAgent
from smolagents.models import ChatMessageToolCall, ChatMessageToolCallFunction, get_tool_json_schema

from posthog_mcp_store import Toolbox

from .cases import AsyncCases, SyncCases, offered

# recipe: smolagents
from smolagents import Tool


def agent_tool(tool):
    required, anything = tool.input_schema.get("required", []), {"type": "any", "description": ""}
    given = tool.input_schema.get("properties", {}).items()
    inputs = {name: anything | schema | {"nullable": name not in required} for name, schema in given}
    names = {"name": tool.unique_name.replace("-", "_"), "description": tool.description, "inputs": inputs}
    run = {"forward": lambda self, **arguments: tool.run_sync(**arguments), "skip_forward_signature_validation": True}
    return type("InstalledTool", (Tool,), names | run | {"output_type": "string"})()
# end


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
            text = messages[-1].content[0]["text"]
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
