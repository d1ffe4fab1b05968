from typing import Any

from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.base.llms.types import ToolCallBlock
from llama_index.core.llms import ChatMessage, MockFunctionCallingLLM

from posthog_mcp_store import Toolbox

from .cases import AsyncCases, offered

# The recipe in docs/guides/agents.md:
from llama_index.core.tools import FunctionTool, ToolMetadata


def agent_tool(tool):
    metadata = ToolMetadata(tool.description[:1024], tool.unique_name)
    metadata.get_parameters_dict = lambda: tool.input_schema
    return FunctionTool(tool.run_sync, metadata, async_fn=tool.run)


# End of the recipe.


class TestAsync(AsyncCases):
    errors_are = "told"

    async def ask(self, toolbox: Toolbox, tool: str, arguments: dict[str, Any]) -> str:
        def respond(messages: list[ChatMessage], tools: list[FunctionTool], **others: Any) -> ChatMessage:
            functions = [tool.metadata.to_openai_tool()["function"] for tool in tools]
            offered(toolbox, {function["name"]: function["parameters"] for function in functions})
            if messages[-1].role == "tool":
                return ChatMessage(messages[-1].content, role="assistant")
            return ChatMessage(role="assistant", blocks=[ToolCallBlock(tool_name=tool, tool_kwargs=arguments)])

        llm = MockFunctionCallingLLM(response_generator=respond)
        agent = FunctionAgent(tools=[agent_tool(tool) for tool in toolbox.tools], llm=llm, streaming=False)
        return str(await agent.run("Help me."))
