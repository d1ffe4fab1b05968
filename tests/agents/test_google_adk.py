from collections.abc import AsyncIterator
from typing import Any

from google.adk.agents import Agent
from google.adk.models import BaseLlm, LlmRequest, LlmResponse
from google.adk.runners import InMemoryRunner
from google.genai.types import Content, Part

from posthog_mcp_store import Toolbox

from .cases import AsyncCases, offered

# The recipe in docs/guides/agents.md:
from google.adk.tools import BaseTool
from google.genai.types import FunctionDeclaration


def agent_tool(tool):
    texts = {"name": tool.unique_name, "description": tool.description}
    declaration = FunctionDeclaration(**texts, parameters_json_schema=tool.input_schema)
    run = {"run_async": lambda self, *, args, tool_context: tool.run(**args)}
    return type("InstalledTool", (BaseTool,), run | {"_get_declaration": lambda self: declaration})(**texts)


# End of the recipe.


class FakeModel(BaseLlm):
    toolbox: Any
    call: Part

    async def generate_content_async(self, request: LlmRequest, stream: bool = False) -> AsyncIterator[LlmResponse]:
        declarations = [each for tool in request.config.tools for each in tool.function_declarations]
        offered(self.toolbox, {each.name: each.parameters_json_schema for each in declarations})
        answer = request.contents[-1].parts[-1].function_response
        part = Part(text=answer.response["result"]) if answer else self.call
        yield LlmResponse(content=Content(role="model", parts=[part]))


class TestAsync(AsyncCases):
    async def ask(self, toolbox: Toolbox, tool: str, arguments: dict[str, Any]) -> str:
        call = Part.from_function_call(name=tool, args=arguments)
        model = FakeModel(model="fake", toolbox=toolbox, call=call)
        agent = Agent(name="helper", model=model, tools=[agent_tool(tool) for tool in toolbox.tools])
        events = await InMemoryRunner(agent).run_debug("Help me.", quiet=True)
        return events[-1].content.parts[0].text
