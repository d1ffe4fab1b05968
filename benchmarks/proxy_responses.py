"""Responses of the proxy to MCP servers with two tools: `add`, and `count`, which sends progress notifications."""

import json
from typing import Any

from http_responses import END_OF_CHUNKS, EVENT_STREAM, JSON, chunked, http_response, stream_head
from installations import EVENT_STREAM_INDEX, installation_id, proxy_path

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


def proxy_response(method: bytes, target: bytes, body: bytes) -> list[bytes]:
    """The parts of a response, which are sent with a pause between them."""
    if method != b"POST":
        return [http_response("405 Method Not Allowed", b"typecodedetailattr", "content-type: */*; charset=utf-8\r\n")]
    message = json.loads(body)
    if "id" not in message:
        return [http_response("202 Accepted", b"", JSON + SESSION)]
    *notifications, response = _messages(message)
    if target != STREAMING:
        return [http_response("200 OK", _json(response), JSON + SESSION)]
    head, last = stream_head(EVENT_STREAM + SESSION), chunked(_event(response)) + END_OF_CHUNKS
    return [head + chunked(b"".join(map(_event, notifications))), last] if notifications else [head + last]


def _messages(request: dict[str, Any]) -> list[dict[str, Any]]:
    """The messages of the MCP server for a request; the response is the last."""
    method, params = request["method"], request.get("params", {})
    response = {"jsonrpc": "2.0", "id": request["id"]}
    if method == "initialize":
        return [{**response, "result": _initialize_result(params["protocolVersion"])}]
    if method == "tools/list":
        return [{**response, "result": {"tools": [ADD]}}]
    if method == "tools/call" and params["name"] == "add":
        return [{**response, "result": _add_result(**params["arguments"])}]
    if method == "tools/call" and params["name"] == "count":
        return [*_progress(**params["arguments"]), {**response, "result": {"content": [], "isError": False}}]
    return [{**response, "error": {"code": -32601, "message": "Method not found"}}]


def _initialize_result(version: str) -> dict[str, Any]:
    return {
        "protocolVersion": version,
        "capabilities": {"tools": {"listChanged": False}},
        "serverInfo": {"name": "bench", "version": "1"},
    }


def _add_result(a: int, b: int) -> dict[str, Any]:
    content = [{"type": "text", "text": f"{a + b}"}]
    return {"content": content, "structuredContent": {"result": a + b}, "isError": False}


def _progress(to: int, size: int) -> list[dict[str, Any]]:
    """`to` notifications with texts of `size` characters."""
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
