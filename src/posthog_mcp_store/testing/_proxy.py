"""The proxy to the installed MCP servers (service facts, sections 2.3 and 7)."""

import json

import httpx
from starlette.responses import Response

from ._endpoint import Call
from ._errors import proxy_error
from ._records import InstallationRecord
from ._refreshing import keep_fresh, needs_reauthorization
from ._upstream import UnreachableError, post
from ._urls import refusal

MAX_BODY_BYTES = 1024 * 1024
_EVENT_STREAM = "text/event-stream"


async def proxy(call: Call) -> Response:
    row = call.installation()
    refuse_unusable(row)
    await keep_fresh(call.state, row)
    refuse_url(row)
    content = forwarded_body(await call.data())
    headers = forwarded_headers(row, call.request.headers.get("mcp-session-id"))
    try:
        target = call.state.upstreams.get(row.url)
        answer = await post(target, row.url, content, headers, timeout=call.state.upstream_timeout)
    except UnreachableError:
        raise proxy_error(502, "Upstream MCP server unreachable") from None
    except TimeoutError:
        raise proxy_error(502, "Upstream MCP server timed out") from None
    return passed_back(answer)


def refuse_unusable(row: InstallationRecord) -> None:
    """Raise the first reason why the row can't be called, in the service's order."""
    if not row.is_enabled:
        raise proxy_error(403, "Server is disabled")
    if row.needs_reauth:
        raise needs_reauthorization()
    if not row.credential:
        raise proxy_error(401, "No credentials configured")


def refuse_url(row: InstallationRecord) -> None:
    reason = refusal(row.url)
    if reason is not None:
        raise proxy_error(400, f"URL not allowed: {reason}")


def forwarded_body(message: object) -> bytes:
    """What goes up: the message written out anew as ASCII, the form in which its size counts."""
    if not isinstance(message, dict | list) or not message:
        raise proxy_error(400, "Request body must be valid JSON")
    content = json.dumps(message).encode("ascii")
    if len(content) > MAX_BODY_BYTES:
        raise proxy_error(413, "Request body too large")
    return content


def forwarded_headers(row: InstallationRecord, session_id: str | None) -> dict[str, str]:
    """All that goes up. Of the caller's own headers only the session passes, not even Accept does."""
    headers = {
        "Content-Type": "application/json",
        "Accept": f"application/json, {_EVENT_STREAM}",
        "Authorization": f"Bearer {row.credential}",
    }
    return headers if session_id is None else {**headers, "Mcp-Session-Id": session_id}


def passed_back(answer: httpx.Response) -> Response:
    """The server's answer with two of its headers. An event stream is a 200, whatever the server said."""
    headers = {"Content-Type": answer.headers.get("content-type", "application/json")}
    if "mcp-session-id" in answer.headers:
        headers["Mcp-Session-Id"] = answer.headers["mcp-session-id"]
    if not headers["Content-Type"].lower().startswith(_EVENT_STREAM):
        return Response(answer.content, answer.status_code, headers=headers)
    headers |= {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    return Response(answer.content, 200, headers=headers)
