from typing import Any

from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from posthog_mcp_store import Toolbox

from .cases import AsyncCases, SyncCases

# recipe: langchain
from langchain_core.tools import StructuredTool


def agent_tool(tool):
    texts = {"name": tool.unique_name, "description": tool.description}
    return StructuredTool(**texts, args_schema=tool.input_schema, coroutine=tool.run, func=tool.run_sync)
# end


class FakeModel(BaseChatModel):
    tool: str
    arguments: dict[str, Any]
    _llm_type = "fake"

    def bind_tools(self, tools: Any, **options: Any) -> "FakeModel":
        return self

    def _generate(self, messages: list[BaseMessage], *others: Any, **options: Any) -> ChatResult:
        message = AIMessage(
            messages[-1].content, tool_calls=[{"name": self.tool, "args": self.arguments, "id": "1"}]
        )
        if isinstance(messages[-1], ToolMessage):
            message.tool_calls.clear()
        return ChatResult(generations=[ChatGeneration(message=message)])


def agent(toolbox: Toolbox, tool: str, arguments: dict[str, Any]) -> Any:
    return create_agent(FakeModel(tool=tool, arguments=arguments), [agent_tool(tool) for tool in toolbox.tools])


ASKED = {"messages": [("user", "Help me.")]}


class TestAsync(AsyncCases):
    async def ask(self, toolbox: Toolbox, tool: str, arguments: dict[str, Any]) -> str:
        return (await agent(toolbox, tool, arguments).ainvoke(ASKED))["messages"][-1].text


class TestSync(SyncCases):
    def ask(self, toolbox: Toolbox, tool: str, arguments: dict[str, Any]) -> str:
        return agent(toolbox, tool, arguments).invoke(ASKED)["messages"][-1].text
