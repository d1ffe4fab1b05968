"""A fake MCP server behind the service's proxy, as an httpx transport, with responses set by the test."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import Any

import httpx

Answer = Callable[[dict[str, Any]], httpx.Response | Awaitable[httpx.Response]]

GREETING = {
    "protocolVersion": "2025-06-18",
    "capabilities": {"tools": {}},
    "serverInfo": {"name": "fake", "version": "1"},
}
TOOL = {"name": "add", "description": "Add.", "inputSchema": {"type": "object"}}


def result_of(message: dict[str, Any], result: object) -> httpx.Response:
    return httpx.Response(200, json={"jsonrpc": "2.0", "id": message["id"], "result": result})


def error_of(message: dict[str, Any], code: int, text: str, data: object = None) -> httpx.Response:
    error = {"code": code, "message": text} | ({} if data is None else {"data": data})
    return httpx.Response(200, json={"jsonrpc": "2.0", "id": message["id"], "error": error})


def text_result(text: str) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": text}]}


class FakeMCPServer:
    """For `httpx.MockTransport`. It keeps sessions where `is_stateful`."""

    def __init__(self, *, is_stateful: bool = False) -> None:
        self.messages: list[tuple[str, str | None]] = []
        """The methods that arrived, and their sessions."""
        self.requests: list[httpx.Request] = []
        self.answers: dict[str, Answer] = {}
        """Answers to methods, in place of the usual ones."""
        self.unknown_session = httpx.Response(404, json={"jsonrpc": "2.0", "id": None, "error": {"code": -32600}})
        self._is_stateful = is_stateful
        self._arrivals: dict[str, asyncio.Event] = {}
        self._sessions = 0
        self._known: set[str | None] = set() if is_stateful else {None}

    def forget(self) -> None:
        """Lose all sessions, as a restart does."""
        self._known.clear()

    async def got(self, method: str) -> None:
        """Wait, not long, until a message with this method has arrived."""
        async with asyncio.timeout(5):
            await self._arrivals.setdefault(method, asyncio.Event()).wait()

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            # The installation, of which a 401 makes the SDK make sure.
            return httpx.Response(404, json={"detail": "Not found."})
        self.requests.append(request)
        message, session = json.loads(request.content), request.headers.get("Mcp-Session-Id")
        method = message.get("method", "answer")
        self.messages.append((method, session))
        self._arrivals.setdefault(method, asyncio.Event()).set()
        if method in self.answers:
            answer = self.answers[method](message)
            return await answer if isawaitable(answer) else answer
        if method == "initialize":
            return self._begin(message)
        if session not in self._known:
            return self.unknown_session
        return self._usual(method, message)

    def _begin(self, message: dict[str, Any]) -> httpx.Response:
        answer = result_of(message, GREETING)
        if self._is_stateful:
            self._sessions += 1
            self._known.add(f"s-{self._sessions}")
            answer.headers["Mcp-Session-Id"] = f"s-{self._sessions}"
        return answer

    def _usual(self, method: str, message: dict[str, Any]) -> httpx.Response:
        if "id" not in message:
            return httpx.Response(202)
        if method == "tools/list":
            return result_of(message, {"tools": [TOOL]})
        if method == "tools/call":
            return result_of(message, text_result("3"))
        return result_of(message, {})
