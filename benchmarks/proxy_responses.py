"""The proxy's answers, as in front of MCP servers with two tools: `add`, and `count`, which tells of its progress."""

import json
from typing import Any

from http_answers import END_OF_CHUNKS, EVENT_STREAM, JSON, chunked, http_answer, stream_head
from installation_rows import EVENT_STREAM_INDEX, installation_id, proxy_path

SESSION = "mcp-session-id: 0195f3a0000070008000abcdef012345\r\n"
STREAMING = proxy_path(installation_id(EVENT_STREAM_INDEX)).encode()

ADD = {
    "name": "add",
    "description": "Add two numbers.",
    "inputSchema": {
        "properties": {"a": {"title": "A", "type": "integer"}, "b": {"title": "B", "type": "integer"}},
        "required": ["a", "b"],
        "title": "addArguments",
        "type": "object",
    },
    "outputSchema": {
        "properties": {"result": {"title": "Result", "type": "integer"}},
        "required": ["result"],
        "title": "addOutput",
        "type": "object",
    },
}


def proxy_answer(method: bytes, target: bytes, body: bytes) -> list[bytes]:
    """The parts of an answer; where there are several, time passes between them."""
    if method != b"POST":
        return [http_answer("405 Method Not Allowed", b"typecodedetailattr", "content-type: */*; charset=utf-8\r\n")]
    message = json.loads(body)
    if "id" not in message:
        return [http_answer("202 Accepted", b"", JSON + SESSION)]
    *news, answer = _messages(message)
    if target != STREAMING:
        return [http_answer("200 OK", _json(answer), JSON + SESSION)]
    head, last = stream_head(EVENT_STREAM + SESSION), chunked(_event(answer)) + END_OF_CHUNKS
    return [head + chunked(b"".join(map(_event, news))), last] if news else [head + last]


def _messages(request: dict[str, Any]) -> list[dict[str, Any]]:
    """What the MCP server says to a request; its answer comes last."""
    method, params = request["method"], request.get("params", {})
    answer = {"jsonrpc": "2.0", "id": request["id"]}
    if method == "initialize":
        return [{**answer, "result": _welcome(params["protocolVersion"])}]
    if method == "tools/list":
        return [{**answer, "result": {"tools": [ADD]}}]
    if method == "tools/call" and params["name"] == "add":
        return [{**answer, "result": _sum(**params["arguments"])}]
    if method == "tools/call" and params["name"] == "count":
        return [*_progress(**params["arguments"]), {**answer, "result": {"content": [], "isError": False}}]
    return [{**answer, "error": {"code": -32601, "message": "Method not found"}}]


def _welcome(version: str) -> dict[str, Any]:
    return {
        "protocolVersion": version,
        "capabilities": {"tools": {"listChanged": False}},
        "serverInfo": {"name": "bench", "version": "1"},
    }


def _sum(a: int, b: int) -> dict[str, Any]:
    content = [{"type": "text", "text": f"{a + b}"}]
    return {"content": content, "structuredContent": {"result": a + b}, "isError": False}


def _progress(to: int, size: int) -> list[dict[str, Any]]:
    """So many notifications, each with a text of so many characters."""
    return [
        {
            "jsonrpc": "2.0",
            "method": "notifications/progress",
            "params": {"progressToken": 1, "progress": number, "message": "x" * size},
        }
        for number in range(1, to + 1)
    ]


def _event(message: dict[str, Any]) -> bytes:
    return b"event: message\r\ndata: " + _json(message) + b"\r\n\r\n"


def _json(message: dict[str, Any]) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode()
