"""Listing and calling an MCP server's tools through the proxy, without the package `mcp`."""

import logging
from collections.abc import Mapping
from contextlib import aclosing
from itertools import count
from typing import Any

from attrs import frozen

from .._core.errors import MCPStoreError, ResponseDecodeError
from .._core.tools import ToolResult
from .._proxy.requests import SentRequests, has_method, is_error
from .._proxy.session import MCPSession, SendMessage
from .._proxy.stream import ProxyStream
from .._version import __version__
from .definitions import ToolDefinition, usable_tools

logger = logging.getLogger(__name__)

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "posthog-mcp-store", "version": __version__},
    },
}
METHOD_NOT_FOUND = -32601
KNOWN_FIELDS = {"content", "isError", "structuredContent"}


@frozen
class ToolPage:
    """A page of a server's tools."""

    tools: list[ToolDefinition]
    faults: list[str]
    """Why others were left out."""
    next_cursor: str | None
    url: str


class LightSession:
    """A session with one MCP server, which starts when it is first needed. It declares no capabilities.

    If the server loses the session, a new one starts, as `MCPSession` describes.
    """

    def __init__(self, send: SendMessage) -> None:
        self._session = MCPSession(send, on_renewed=lambda: None, initialize=INITIALIZE)
        self._ids = count(1)

    async def list_tools(self, cursor: str | None) -> ToolPage:
        """Fetch one page of the tools.

        Raises:
            ToolCallError: The server responded with an error object.
            ResponseDecodeError: The response is no list of tools.
        """
        result, stream = await self._request("tools/list", {} if cursor is None else {"cursor": cursor})
        tools = result.get("tools")
        if not isinstance(tools, list):
            raise _unreadable(stream, "its result has no list of tools")
        usable, faults = usable_tools(tools)
        following = result.get("nextCursor")
        received = stream._opened.result  # noqa: SLF001  # here and below: not for users
        return ToolPage(
            tools=usable,
            faults=list(map(received.redactor.text, faults)),
            next_cursor=following if isinstance(following, str) else None,
            url=received.call.url,
        )

    async def call_tool(self, name: str, arguments: Mapping[str, Any]) -> ToolResult:
        """Call a tool. A call that met the loss of the session raises, because the tool may have run.

        The errors are those of `list_tools`.
        """
        result, _ = await self._request("tools/call", {"name": name, "arguments": arguments})
        content, structured = result.get("content"), result.get("structuredContent")
        # Some servers send a list, which MCP did not allow at first.
        is_object = isinstance(structured, dict)
        return ToolResult(
            # As the service's own `call_tool` does.
            content=[block for block in content if isinstance(block, dict)] if isinstance(content, list) else [],
            is_error=bool(result.get("isError")),
            structured_content=structured if is_object else None,
            additional_properties={
                key: value
                for key, value in result.items()
                if key not in KNOWN_FIELDS or (key == "structuredContent" and not is_object and value is not None)
            },
        )

    async def _request(self, method: str, params: Mapping[str, Any]) -> tuple[dict[str, Any], ProxyStream]:
        """The result of a request, and the stream that it was read from, for errors about it."""
        sent = SentRequests((next(self._ids),), calls_tools=False)
        request = {"jsonrpc": "2.0", "id": sent.request_ids[0], "method": method, "params": params}
        stream, used = await self._session.open(request)
        response: dict[str, Any] = {}
        async with aclosing(stream):
            # It raises if it ends without a response.
            async for message in stream:
                if has_method(message):
                    await self._refuse(message)
                elif sent.position(message.get("id")) is not None:
                    response = message
                elif message.get("id") is None:
                    # The error about a request that the server could not read (JSON-RPC 2.0, section 5).
                    response = response or message
        if is_error(response):
            error = stream._tool_call_error(response)  # noqa: SLF001
            self._session.note_loss(error, used)
            raise error
        result = response.get("result")
        if not isinstance(result, dict):
            raise _unreadable(stream, "its result is not an object")
        return result, stream

    async def _refuse(self, message: Mapping[str, Any]) -> None:
        """Respond to a request of the server, which may wait for it. Notifications are ignored."""
        if message.get("id") is None:
            return
        response: dict[str, Any] = {"jsonrpc": "2.0", "id": message["id"]}
        if message["method"] == "ping":
            response["result"] = {}
        else:
            response["error"] = {"code": METHOD_NOT_FOUND, "message": "this client only calls tools"}
        try:
            stream, _ = await self._session.open(response)
            await stream.aclose()
        except MCPStoreError as error:
            logger.debug("could not respond to a request of the MCP server: %s", error)


def _unreadable(stream: ProxyStream, reason: str) -> ResponseDecodeError:
    return stream._result.unreadable(reason)  # noqa: SLF001
