"""A project's installations, each with a fake MCP server, as an httpx transport."""

import asyncio
import json
from typing import Any
from uuid import UUID

import httpx

from .fake_mcp import FakeMCPServer
from .wire import installation, page

RESULT = {"content": [{"type": "text", "text": "42"}], "is_error": False, "structured_content": None}


class FakeProject:
    """For `httpx.MockTransport`: the service of autumn 2026 or, if `is_old`, of spring 2026, which has no tools."""

    def __init__(self, *, is_old: bool = False) -> None:
        self.is_old = is_old
        self.rows: list[dict[str, Any]] = []
        self.servers: list[dict[str, Any]] = []
        """As `available_tools` lists them."""
        self.mcp_servers: dict[str, FakeMCPServer] = {}
        self.requests: list[str] = []
        """The methods and the last parts of the paths."""
        self.calls: list[dict[str, Any]] = []
        """The bodies of `call_tool`."""
        self.answer = httpx.Response(200, json=RESULT)
        """To each `call_tool`."""
        self.gate: asyncio.Event | None = None
        """Holds all POST requests, if it is set."""

    def add(self, name: str, *tools: dict[str, Any], is_listed: bool = True, **row: object) -> FakeMCPServer:
        """Add an installation, newer than those before, with these tools as the service lists them."""
        number = len(self.rows)
        id, created_at = str(UUID(int=number)), f"2026-03-04T09:{number // 60:02}:{number % 60:02}Z"
        known = {"is_owner": True, "scope": "personal", "tool_count": len(tools), "last_synced_at": None}
        # The newest comes first.
        self.rows.insert(0, {**installation(id=id, name=name, created_at=created_at), **known, **row})
        if is_listed:
            self.servers.append({"installation_id": id, "name": name, "slug": name.lower(), "tools": list(tools)})
        self.mcp_servers[id] = FakeMCPServer()
        return self.mcp_servers[id]

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        operation = request.url.path.split("/")[-2]
        self.requests.append(f"{request.method} {operation}")
        if operation in {"available_tools", "call_tool"} and self.is_old:
            return httpx.Response(404, json={"detail": "Endpoint not found.", "code": "not_found"})
        if operation == "available_tools":
            return httpx.Response(200, json={"servers": self.servers})
        if request.method == "GET":
            return httpx.Response(200, json=page(*self.rows))
        if self.gate is not None:
            await self.gate.wait()
        if operation == "call_tool":
            self.calls.append(json.loads(request.content))
            return self.answer
        return await self.mcp_servers[request.url.path.split("/")[-3]](request)


def tool(name: str = "add", **changes: object) -> dict[str, Any]:
    """A tool as `available_tools` lists it."""
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    known = {"description": "Add.", "input_schema": schema, "annotations": {}, "approval_state": "approved"}
    return {"name": name, **known, **changes}


def mcp_tool(name: object = "add", **changes: object) -> dict[str, Any]:
    """A tool as an MCP server lists it."""
    return {"name": name, "inputSchema": {"type": "object"}, **changes}
