"""No framework: the tool-calling loop of a chat API, OpenAI's for example."""

from typing import Any

import httpx2
from openai import AsyncOpenAI, OpenAI

from posthog_mcp_store import Toolbox

from .cases import AsyncCases, SyncCases, offered

# The recipe in docs/guides/agents.md:
import json


def openai_tool(tool):
    function = {"name": tool.unique_name, "description": tool.description, "parameters": tool.input_schema}
    return {"type": "function", "function": function}


async def answer(toolbox, call):
    text = await toolbox[call.function.name].run(**json.loads(call.function.arguments))
    return {"role": "tool", "tool_call_id": call.id, "content": text}


# End of the recipe.


def api(toolbox: Toolbox, tool: str, arguments: dict[str, Any]) -> httpx2.MockTransport:
    """A chat API whose model calls a tool, and then says what it got."""
    function = {"name": tool, "arguments": json.dumps(arguments)}
    call = {"tool_calls": [{"id": "1", "type": "function", "function": function}]}

    def completion(request: httpx2.Request) -> httpx2.Response:
        asked = json.loads(request.content)
        offered(toolbox, {each["function"]["name"]: each["function"]["parameters"] for each in asked["tools"]})
        last = asked["messages"][-1]
        message = {"role": "assistant"} | ({"content": last["content"]} if last["role"] == "tool" else call)
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        body = {"id": "1", "object": "chat.completion", "created": 0, "model": "fake", "choices": [choice]}
        return httpx2.Response(200, json=body)

    return httpx2.MockTransport(completion)


class TestAsync(AsyncCases):
    async def ask(self, toolbox: Toolbox, tool: str, arguments: dict[str, Any]) -> str:
        async with AsyncOpenAI(
            api_key="fake", http_client=httpx2.AsyncClient(transport=api(toolbox, tool, arguments))
        ) as client:
            tools: Any = [openai_tool(tool) for tool in toolbox.tools]
            messages: list[Any] = [{"role": "user", "content": "Help me."}]
            while True:
                completion = await client.chat.completions.create(model="fake", messages=messages, tools=tools)
                message = completion.choices[0].message
                if not message.tool_calls:
                    return message.content or ""
                messages += [message, *[await answer(toolbox, call) for call in message.tool_calls]]


class TestSync(SyncCases):
    def ask(self, toolbox: Toolbox, tool: str, arguments: dict[str, Any]) -> str:
        with OpenAI(api_key="fake", http_client=httpx2.Client(transport=api(toolbox, tool, arguments))) as client:
            tools: Any = [openai_tool(tool) for tool in toolbox.tools]
            messages: list[Any] = [{"role": "user", "content": "Help me."}]
            while True:
                completion = client.chat.completions.create(model="fake", messages=messages, tools=tools)
                message = completion.choices[0].message
                if not message.tool_calls:
                    return message.content or ""
                messages.append(message)
                for call in message.tool_calls:
                    text = toolbox[call.function.name].run_sync(**json.loads(call.function.arguments))
                    messages.append({"role": "tool", "tool_call_id": call.id, "content": text})
