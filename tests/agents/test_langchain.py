from typing import Any

from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.utils.function_calling import convert_to_openai_tool

from posthog_mcp_store import Toolbox

from .cases import AsyncCases, SyncCases, offered

# The recipe in docs/guides/agents.md:
from langchain_core.tools import BaseTool


def agent_tool(tool):
    class InstalledTool(BaseTool):
        _run = staticmethod(tool.run_sync)
        _arun = staticmethod(tool.run)

    return InstalledTool(name=tool.unique_name, description=tool.description, args_schema=tool.input_schema)


# End of the recipe.


class FakeModel(BaseChatModel):
    tool: str
    arguments: dict[str, Any]
    _llm_type = "fake"

    toolbox: Any

    def bind_tools(self, tools: Any, **options: Any) -> "FakeModel":
        functions = [convert_to_openai_tool(tool)["function"] for tool in tools]
        offered(self.toolbox, {function["name"]: function["parameters"] for function in functions})
        return self

    def _generate(self, messages: list[BaseMessage], *others: Any, **options: Any) -> ChatResult:
        message = AIMessage(messages[-1].content, tool_calls=[{"name": self.tool, "args": self.arguments, "id": "1"}])
        if isinstance(messages[-1], ToolMessage):
            message.tool_calls.clear()
        return ChatResult(generations=[ChatGeneration(message=message)])


def agent(toolbox: Toolbox, tool: str, arguments: dict[str, Any]) -> Any:
    model = FakeModel(toolbox=toolbox, tool=tool, arguments=arguments)
    return create_agent(model, [agent_tool(tool) for tool in toolbox.tools])


ASKED = {"messages": [("user", "Help me.")]}


class TestAsync(AsyncCases):
    async def ask(self, toolbox: Toolbox, tool: str, arguments: dict[str, Any]) -> str:
        return (await agent(toolbox, tool, arguments).ainvoke(ASKED))["messages"][-1].text


class TestSync(SyncCases):
    def ask(self, toolbox: Toolbox, tool: str, arguments: dict[str, Any]) -> str:
        return agent(toolbox, tool, arguments).invoke(ASKED)["messages"][-1].text
