"""The service's own short sessions with MCP servers, to read tools and to call one (docs/service.md, section 10).

Each starts with the handshake of the protocol's oldest HTTP version, as in the service.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx

from .._model.installations import InstallationRecord
from .._model.state import UpstreamTarget
from .upstream import UnreachableError, begun, transport_to

_HANDSHAKE_SECONDS = 10.0
_CALL_SECONDS = 60.0
_INITIALIZE = {
    "protocolVersion": "2024-11-05",
    "capabilities": {},
    "clientInfo": {"name": "posthog-mcp-store", "version": "1.0"},
}


class UpstreamFailedError(Exception):
    """The MCP server could not be asked, or did not respond as it should. The text says why."""


async def read_tools(row: InstallationRecord, target: UpstreamTarget | None, *, seconds: float) -> list[dict[str, Any]]:
    """The first page of the server's tools. `seconds` limits each step further.

    Raises:
        UpstreamFailedError: There is no such list.
        httpx.HTTPError: The connection broke.
    """
    async with _session(row, target, seconds=min(seconds, _HANDSHAKE_SECONDS)) as session:
        result = await session.request(2, "tools/list", {})
    tools = result.get("tools") if isinstance(result, dict) else None
    if not isinstance(tools, list):
        raise UpstreamFailedError("tools/list response missing 'result.tools' array")
    return [tool for tool in tools if isinstance(tool, dict) and tool.get("name")]


async def call_tool(
    row: InstallationRecord, target: UpstreamTarget | None, name: str, arguments: object, *, seconds: float
) -> dict[str, Any]:
    """The result of one call, which the server may have executed even if this fails. The errors are as above."""
    async with _session(row, target, seconds=min(seconds, _CALL_SECONDS)) as session:
        result = await session.request(3, "tools/call", {"name": name, "arguments": arguments})
    if not isinstance(result, dict):
        raise UpstreamFailedError("tools/call response missing 'result' object")
    return result


class _Session:
    """A client's side of a session with the server at `url`."""

    def __init__(self, client: httpx.AsyncClient, url: httpx.URL | str, credential: str) -> None:
        self._client = client
        self._url = url
        self._headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
        if credential:
            self._headers["Authorization"] = f"Bearer {credential}"

    async def initialize(self) -> None:
        response = await self._post({"id": 1, "method": "initialize", "params": _INITIALIZE})
        if response.is_error:
            raise UpstreamFailedError(f"Upstream initialize returned status {response.status_code}")
        _result_in(response, 1, "initialize")
        # A server that redirects the first request would redirect all of them.
        self._url = response.url
        if "mcp-session-id" in response.headers:
            self._headers["Mcp-Session-Id"] = response.headers["mcp-session-id"]
        # Some servers do not support this notification, which is no reason to stop.
        with suppress(httpx.HTTPError, TimeoutError, UnreachableError):
            await self._post({"method": "notifications/initialized", "params": {}})

    async def request(self, id_: int, method: str, params: dict[str, Any]) -> object:
        response = await self._post({"id": id_, "method": method, "params": params})
        if response.is_error:
            raise UpstreamFailedError(f"Upstream returned status {response.status_code}")
        return _result_in(response, id_, method)

    async def end(self) -> None:
        if "Mcp-Session-Id" in self._headers:
            with suppress(httpx.HTTPError):
                await self._client.delete(self._url, headers=self._headers)

    async def _post(self, message: dict[str, Any]) -> httpx.Response:
        content = json.dumps({"jsonrpc": "2.0", **message}).encode()
        response = await begun(self._client, self._url, content, self._headers, follows_a_redirect=True)
        try:
            await response.aread()
        except httpx.TimeoutException as error:
            raise TimeoutError from error
        finally:
            await response.aclose()
        return response


@asynccontextmanager
async def _session(
    row: InstallationRecord, target: UpstreamTarget | None, *, seconds: float
) -> AsyncIterator[_Session]:
    """An initialized session, in which errors of the connection become UpstreamFailedErrors."""
    if target is None:
        raise UpstreamFailedError("Upstream MCP server unreachable")
    async with httpx.AsyncClient(transport=transport_to(target), timeout=seconds, trust_env=False) as client:
        session = _Session(client, target if isinstance(target, str) else row.url, row.credential)
        try:
            await session.initialize()
            try:
                yield session
            finally:
                await session.end()
        except UnreachableError:
            raise UpstreamFailedError("Upstream MCP server unreachable") from None
        except TimeoutError:
            raise UpstreamFailedError("Upstream MCP server timed out") from None


def _result_in(response: httpx.Response, id_: int, method: str) -> object:
    message = _message_in(response, id_, method)
    if not isinstance(message, dict):
        return None
    if message.get("error"):
        raise UpstreamFailedError(f"Upstream {method} returned error: {message['error']}")
    return message.get("result")


def _message_in(response: httpx.Response, id_: int, method: str) -> object:
    """The JSON-RPC message in a JSON body, or the one with this id in an event stream."""
    content_type, text = response.headers.get("content-type", "").lower(), response.text
    if "text/event-stream" in content_type:
        return _event_in(text, id_, method)
    try:
        return json.loads(text)
    except ValueError:
        shown = f"content-type={content_type!r}, body_preview={text[:200]!r}"
        raise UpstreamFailedError(f"Upstream {method} response was not JSON ({shown})") from None


def _event_in(stream: str, id_: int, method: str) -> object:
    for line in stream.splitlines():
        if not line.startswith("data:"):
            continue
        with suppress(ValueError):
            message = json.loads(line.removeprefix("data:"))
            if isinstance(message, dict) and message.get("id") == id_:
                return message
    reason = f"SSE response did not contain a JSON-RPC message with id={id_}"
    raise UpstreamFailedError(f"Upstream {method} {reason}")
