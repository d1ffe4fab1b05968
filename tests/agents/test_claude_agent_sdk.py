"""A fake Claude Code talks to the SDK, in place of the program and of the model behind it."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from claude_agent_sdk import ClaudeAgentOptions, ResultMessage, Transport, query

from posthog_mcp_store import Toolbox

from .cases import AsyncCases, offered

# recipe: claude-agent-sdk
from claude_agent_sdk import SdkMcpTool, create_sdk_mcp_server


def agent_tool(tool):
    async def handle(arguments):
        return {"content": [{"type": "text", "text": await tool.run(**arguments)}]}

    return SdkMcpTool(tool.unique_name, tool.description, {"properties": {}} | tool.input_schema, handle)
# end

RESULT = {
    "type": "result",
    "subtype": "success",
    "duration_ms": 0,
    "duration_api_ms": 0,
    "is_error": False,
    "num_turns": 1,
    "session_id": "1",
}


class FakeClaudeCode(Transport):
    def __init__(self, toolbox: Toolbox, tool: str, arguments: dict[str, Any]) -> None:
        self._toolbox, self._tool, self._arguments = toolbox, tool, arguments
        self._written: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def write(self, data: str) -> None:
        self._written.put_nowait(json.loads(data))

    async def _read(self, type: str) -> dict[str, Any]:
        while True:
            message = await self._written.get()
            if message["type"] == type:
                return message

    async def read_messages(self) -> AsyncIterator[dict[str, Any]]:
        request = await self._read("control_request")
        answer = {"subtype": "success", "request_id": request["request_id"], "response": {}}
        yield {"type": "control_response", "response": answer}
        await self._read("user")
        listed: list[dict[str, Any]] = []
        text = ""
        for method, params in (
            ("initialize", {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "fake", "version": "1"}}),
            ("notifications/initialized", {}),
            ("tools/list", {}),
            ("tools/call", {"name": self._tool, "arguments": self._arguments}),
        ):
            message = {"jsonrpc": "2.0", "method": method, "params": params}
            if not method.startswith("notifications"):
                message["id"] = method
            call = {"subtype": "mcp_message", "server_name": "installed", "message": message}
            yield {"type": "control_request", "request_id": method, "request": call}
            response = (await self._read("control_response"))["response"]["response"]["mcp_response"]
            listed = response["result"].get("tools", listed)
            text = response["result"].get("content", [{"text": text}])[0]["text"]
        offered(self._toolbox, {tool["name"]: tool["inputSchema"] for tool in listed})
        yield RESULT | {"result": text}

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
