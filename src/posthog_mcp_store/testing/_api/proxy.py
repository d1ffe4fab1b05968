"""The proxy to the installed MCP servers (docs/service.md, sections 2.3 and 7)."""

import json
from collections.abc import Mapping
from typing import Any

import httpx
from starlette.responses import Response

from .._asgi.client_connection import while_connected
from .._framework.endpoint import RequestContext
from .._framework.errors import proxy_error
from .._framework.responses import StreamedResponse, json_response
from .._model.installations import InstallationRecord
from .._model.records import ServiceVersion
from .._model.urls import refusal
from .._outbound.upstream import UnreachableError, pieces, posted
from .tool_policy import ToolGuard
from .usable import require_usable

MAX_BODY_BYTES = 1024 * 1024
_EVENT_STREAM = "text/event-stream"


async def proxy(context: RequestContext) -> Response:
    row = context.installation()
    await require_usable(context, row)
    refuse_url(row)
    message = message_in(await context.data())
    if row.tools is not None:
        guard = ToolGuard(row.tools, user=context.user, project=context.project, version=context.state.version)
        refused = guard.refusal(message)
        if refused is not None:
            return json_response(refused)
    return await passed_back(await forwarded(context, row, forwarded_body(message)))


def refuse_url(row: InstallationRecord) -> None:
    reason = refusal(row.url)
    if reason is not None:
        raise proxy_error(400, f"URL not allowed: {reason}")


def message_in(data: object) -> dict[str, Any] | list[Any]:
    if not isinstance(data, dict | list) or not data:
        raise proxy_error(400, "Request body must be valid JSON")
    return data


def forwarded_body(message: dict[str, Any] | list[Any]) -> bytes:
    """The body to forward: the message as ASCII JSON. The size limit applies to this form."""
    content = json.dumps(message).encode("ascii")
    if len(content) > MAX_BODY_BYTES:
        raise proxy_error(413, "Request body too large")
    return content


def forwarded_headers(row: InstallationRecord, theirs: Mapping[str, str], *, version: ServiceVersion) -> dict[str, str]:
    """The headers to forward. Of the caller's, only the session id and, since 2026-09, PostHog's are included."""
    own = {name: value for name, value in theirs.items() if name.startswith("x-posthog-")}
    headers = (own if version >= "2026-09" else {}) | {
        "Content-Type": "application/json",
        "Accept": f"application/json, {_EVENT_STREAM}",
    }
    if row.credential:
        headers["Authorization"] = f"Bearer {row.credential}"
    session_id = theirs.get("mcp-session-id")
    return headers if session_id is None else {**headers, "Mcp-Session-Id": session_id}


async def forwarded(context: RequestContext, row: InstallationRecord, content: bytes) -> httpx.Response:
    """The MCP server's response, with its body unread. If the caller disconnects before its end, so does the proxy."""
    state, headers = context.state, forwarded_headers(row, context.request.headers, version=context.state.version)
    await context.until_sent.enter_async_context(while_connected(context.request.receive))
    response = posted(
        state.upstreams.get(row.url),
        row.url,
        content,
        headers,
        timeout=state.upstream_timeout,
        follows_a_redirect=state.version >= "2026-09",
    )
    try:
        return await context.until_sent.enter_async_context(response)
    except UnreachableError:
        raise proxy_error(502, "Upstream MCP server unreachable") from None
    except TimeoutError:
        raise proxy_error(502, "Upstream MCP server timed out") from None


async def passed_back(response: httpx.Response) -> Response:
    """The server's response with two of its headers. The status of an event stream is always 200."""
    headers = {"Content-Type": response.headers.get("content-type", "application/json")}
    if "mcp-session-id" in response.headers:
        headers["Mcp-Session-Id"] = response.headers["mcp-session-id"]
    if not headers["Content-Type"].lower().startswith(_EVENT_STREAM):
        return Response(await response.aread(), response.status_code, headers=headers)
    headers |= {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    return StreamedResponse(pieces(response), headers=headers)
