from typing import Any

from agents import Agent, Model, ModelResponse, Runner, Usage, set_tracing_disabled
from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText

from posthog_mcp_store import Toolbox

from .cases import AsyncCases, SyncCases, offered

# The recipe in docs/guides/agents.md:
import json

from agents import FunctionTool


def agent_tool(tool):
    async def invoke(context, arguments):
        return await tool.run(**json.loads(arguments or "{}"))

    return FunctionTool(tool.unique_name, tool.description, tool.input_schema, invoke, strict_json_schema=False)


# End of the recipe.

set_tracing_disabled(disabled=True)


class FakeModel(Model):
    def __init__(self, toolbox: Toolbox, tool: str, arguments: dict[str, Any]) -> None:
        self._toolbox = toolbox
        self._call = ResponseFunctionToolCall(
            type="function_call", call_id="1", name=tool, arguments=json.dumps(arguments)
        )

    async def get_response(self, *, input: Any, tools: Any, **others: Any) -> ModelResponse:
        offered(self._toolbox, {tool.name: tool.params_json_schema for tool in tools})
        output: Any = self._call
        if input[-1].get("type") == "function_call_output":
            text = ResponseOutputText(type="output_text", text=input[-1]["output"], annotations=[])
            output = ResponseOutputMessage(type="message", id="2", role="assistant", status="completed", content=[text])
        return ModelResponse(output=[output], usage=Usage(), response_id=None)

    def stream_response(self, *arguments: Any, **options: Any) -> Any:
        raise NotImplementedError


def agent(toolbox: Toolbox, tool: str, arguments: dict[str, Any]) -> Agent:
    return Agent(
        "Helper", tools=[agent_tool(tool) for tool in toolbox.tools], model=FakeModel(toolbox, tool, arguments)
    )


class TestAsync(AsyncCases):
    errors_are = "wrapped"

    async def ask(self, toolbox: Toolbox, tool: str, arguments: dict[str, Any]) -> str:
        return (await Runner.run(agent(toolbox, tool, arguments), "Help me.")).final_output


class TestSync(SyncCases):
    errors_are = "wrapped"

    def ask(self, toolbox: Toolbox, tool: str, arguments: dict[str, Any]) -> str:
        return Runner.run_sync(agent(toolbox, tool, arguments), "Help me.").final_output
