"""A fake Claude Code talks to the SDK, in place of the program and of the model behind it."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from claude_agent_sdk import ClaudeAgentOptions, ResultMessage, Transport, create_sdk_mcp_server, query

from posthog_mcp_store import Toolbox

from .cases import AsyncCases, offered

# The recipe in docs/guides/agents.md:
from claude_agent_sdk import SdkMcpTool


def agent_tool(tool):
    async def handle(arguments):
        return {"content": [{"type": "text", "text": await tool.run(**arguments)}]}

    return SdkMcpTool(tool.unique_name, tool.description, tool.input_schema, handle)


# End of the recipe.

CLIENT = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "fake", "version": "1"}}
RESULT = {"type": "result", "subtype": "success", "is_error": False, "session_id": "1"}
SPENT = {"duration_ms": 0, "duration_api_ms": 0, "num_turns": 1}


class FakeClaudeCode(Transport):
    def __init__(self, toolbox: Toolbox, tool: str, arguments: dict[str, Any]) -> None:
        self._toolbox = toolbox
        self._calls: list[tuple[str, dict[str, Any]]] = [
            ("initialize", CLIENT),
            ("tools/list", {}),
            ("tools/call", {"name": tool, "arguments": arguments}),
        ]
        self._written: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def write(self, data: str) -> None:
        self._written.put_nowait(json.loads(data))

    async def read_messages(self) -> AsyncIterator[dict[str, Any]]:
        request = await self._read("control_request")
        answer = {"subtype": "success", "request_id": request["request_id"], "response": {}}
        yield {"type": "control_response", "response": answer}
        await self._read("user")
        results: dict[str, Any] = {}
        for method, params in self._calls:
            message = {"jsonrpc": "2.0", "id": method, "method": method, "params": params}
            call = {"subtype": "mcp_message", "server_name": "installed", "message": message}
            yield {"type": "control_request", "request_id": method, "request": call}
            response = (await self._read("control_response"))["response"]["response"]
            results[method] = response["mcp_response"]["result"]
        offered(self._toolbox, {tool["name"]: tool["inputSchema"] for tool in results["tools/list"]["tools"]})
        yield RESULT | SPENT | {"result": results["tools/call"]["content"][0]["text"]}

    async def _read(self, type: str) -> dict[str, Any]:
        while (message := await self._written.get())["type"] != type:
            pass
        return message

    async def connect(self) -> None: ...

    async def close(self) -> None: ...

    async def end_input(self) -> None: ...

    def is_ready(self) -> bool:
        return True


class TestAsync(AsyncCases):
    errors_are = "told"

    async def ask(self, toolbox: Toolbox, tool: str, arguments: dict[str, Any]) -> str:
        server = create_sdk_mcp_server("installed", tools=[agent_tool(tool) for tool in toolbox.tools])
        options = ClaudeAgentOptions(mcp_servers={"installed": server})
        claude_code = FakeClaudeCode(toolbox, tool, arguments)
        result = ""
        async for message in query(prompt="Help me.", options=options, transport=claude_code):
            if isinstance(message, ResultMessage):
                result = message.result or ""
        return result
