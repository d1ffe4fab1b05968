"""An MCP server whose responses a test can replace, and that records the requests it gets."""

import json
from dataclasses import dataclass, field
from typing import Any

import anyio
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

URL = "https://mcp.example.com/mcp"


def tool(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "inputSchema": {"type": "object"}, **fields}


def result(value: object, id: object = 1) -> Response:
    return JSONResponse({"jsonrpc": "2.0", "id": id, "result": value})


def error(message: str) -> Response:
    return JSONResponse({"jsonrpc": "2.0", "id": 1, "error": {"code": -32603, "message": message}})


async def broken(_scope: Scope, _receive: Receive, send: Send) -> None:
    """A response that breaks off after its headers."""
    await send({"type": "http.response.start", "status": 200, "headers": []})


async def silent(_scope: Scope, _receive: Receive, send: Send) -> None:
    """A response whose body does not come."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await anyio.sleep_forever()


@dataclass
class ScriptedServer:
    """Responds to a JSON-RPC method as `answers` say, or with an empty result. It has a session unless `session` is
    empty.
    """

    tools: list[dict[str, Any]] = field(default_factory=lambda: [tool("add"), tool("drop_table")])
    answers: dict[str, ASGIApp] = field(default_factory=dict)
    session: str = "session-1"
    requests: list[Request] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)

    @property
    def methods(self) -> list[str]:
        """The JSON-RPC methods of the requests, or their HTTP methods."""
        return [message.get("method", "?") for message in self.messages]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await request.body()
        message = json.loads(body) if body else {"method": request.method}
        self.requests.append(request)
        self.messages.append(message)
        await self._answer(message)(scope, receive, send)

    def _answer(self, message: dict[str, Any]) -> ASGIApp:
        method = message["method"]
        if method in self.answers:
            return self.answers[method]
        if method == "notifications/initialized":
            return Response(status_code=202)
        answer = result({"tools": self.tools} if method == "tools/list" else {}, message.get("id"))
        if method == "initialize" and self.session:
            answer.headers["Mcp-Session-Id"] = self.session
        return answer
