"""The operations on tools (docs/service.md, section 10)."""

from collections import Counter
from typing import Any

from starlette.responses import Response

from .._framework.endpoint import RequestContext
from .._framework.errors import ServiceError, call_error, invalid, view_error
from .._framework.responses import json_response
from .._model.installations import InstallationRecord
from .._model.tool_policy import ToolDecision, decide, is_allowed, team_state
from .._model.tools import ToolRecord
from .._model.urls import refusal
from .._outbound.mcp_session import UpstreamFailedError
from .._outbound.mcp_session import call_tool as call_upstream
from .forms import CallToolForm, read_call_tool, read_update_tool
from .server_names import name_of, slug, unique_slug
from .tool_sync import known_tools, sync_tools
from .usable import require_usable

_STRICTER_CEILING = "A team admin set a stricter ceiling for this tool. Choose the ceiling or a more restrictive state."
_BLOCKED = {
    "needs_approval": "Tool '{}' needs approval before it can run. "
    "Ask the user to approve it in PostHog under Settings → MCP servers.",
    "do_not_use": "Tool '{}' is turned off by team policy. An admin controls this in PostHog.",
}


async def list_tools(context: RequestContext) -> Response:
    row = context.installation()
    tools = await known_tools(context.state, row)
    include_removed = context.request.query_params.get("include_removed") == "1"
    return _tools_response(context, tools.sorted(include_removed=include_removed))


async def update_tool(context: RequestContext) -> Response:
    new_state = read_update_tool(await context.data())
    row = context.own_installation()
    tool = (await known_tools(context.state, row)).get(context.request.path_params["tool_name"])
    if tool is None:
        raise view_error(404, "Tool not found")
    if not is_allowed(new_state, team_state(tool, context.project)):
        raise invalid("approval_state", "invalid_input", _STRICTER_CEILING)
    # The service compares with the stored state, which need not be the one that holds.
    if tool.approval_state != new_state:
        context.state.choose(row, tool, new_state)
    return json_response(_tool_json(context, tool))


async def refresh_tools(context: RequestContext) -> Response:
    row = context.own_installation()
    if not row.is_enabled:
        raise view_error(400, "Installation is disabled")
    try:
        await sync_tools(context.state, row)
    except UpstreamFailedError as error:
        detail = f"Could not refresh tools from the upstream MCP server: {error}"
        raise view_error(502, detail) from None
    return _tools_response(context, (await known_tools(context.state, row)).sorted())


async def call_tool(context: RequestContext) -> Response:
    form = read_call_tool(await context.data())
    row = context.installation()
    try:
        await require_usable(context, row)
    except ServiceError as error:
        raise call_error(error.status, error.body["error"], "disabled") from None
    await _require_callable(context, row, form.tool_name)
    result = await _called(context, row, form)
    content = result.get("content")
    return json_response(
        {
            "content": [block for block in content if isinstance(block, dict)] if isinstance(content, list) else [],
            "is_error": bool(result.get("isError")),
            "structured_content": result.get("structuredContent"),
        }
    )


async def _require_callable(context: RequestContext, row: InstallationRecord, name: str) -> None:
    tool = (await known_tools(context.state, row)).get(name)
    if tool is None:
        detail = f"Tool '{name}' is not registered for this connection. "
        raise call_error(404, f"{detail}Refresh the connection's tools if you expect it to exist.", "removed")
    if tool.removed_at is not None:
        raise call_error(404, f"Tool '{name}' is no longer available on the upstream server.", "removed")
    state = _decision(context, tool).state
    if state != "approved":
        reason = "needs_approval" if state == "needs_approval" else "disabled"
        raise call_error(403, _BLOCKED[state].format(name), reason)


async def _called(context: RequestContext, row: InstallationRecord, form: CallToolForm) -> dict[str, Any]:
    reason = refusal(row.url)
    if reason is not None:
        raise _not_run(form, f"URL not allowed: {reason}")
    target, seconds = context.state.upstreams.get(row.url), context.state.upstream_timeout
    try:
        return await call_upstream(row, target, form.tool_name, form.arguments or {}, seconds=seconds)
    except UpstreamFailedError as error:
        raise _not_run(form, str(error)) from None


def _not_run(form: CallToolForm, reason: str) -> ServiceError:
    detail = f"The upstream MCP server could not run '{form.tool_name}': {reason}"
    return call_error(502, detail, "upstream_error")


async def available_tools(context: RequestContext) -> Response:
    rows = context.state.rows(user=context.user, project_id=context.project_id)
    slugs = Counter(map(slug, rows))
    servers = [await _server_json(context, row, is_unique=slugs[slug(row)] == 1) for row in reversed(rows)]
    return json_response({"servers": [server for server in servers if server["tools"]]})


async def _server_json(context: RequestContext, row: InstallationRecord, *, is_unique: bool) -> dict[str, Any]:
    return {
        "installation_id": str(row.id),
        "name": name_of(row),
        "slug": slug(row) if is_unique else unique_slug(row),
        "tools": await _reachable_tools(context, row),
    }


async def _reachable_tools(context: RequestContext, row: InstallationRecord) -> list[dict[str, Any]]:
    try:
        await require_usable(context, row)
    except ServiceError:
        return []
    tools = (await known_tools(context.state, row)).sorted()
    decided = [(tool, _decision(context, tool).state) for tool in tools]
    return [_reachable_json(tool, state) for tool, state in decided if state != "do_not_use"]


def _reachable_json(tool: ToolRecord, state: str) -> dict[str, Any]:
    return {
        "name": tool.name,
        "description": tool.description,
        "input_schema": tool.input_schema,
        "annotations": tool.annotations,
        "approval_state": state,
    }


def _tools_response(context: RequestContext, tools: list[ToolRecord]) -> Response:
    return json_response({"results": [_tool_json(context, tool) for tool in tools]})


def _tool_json(context: RequestContext, tool: ToolRecord) -> dict[str, Any]:
    decision = _decision(context, tool)
    return {
        **tool.to_json(),
        "approval_state": decision.state,
        "team_state": decision.team_state,
        "locked": decision.locked,
        "decided_by": decision.decided_by,
    }


def _decision(context: RequestContext, tool: ToolRecord) -> ToolDecision:
    return decide(tool, user=context.user, project=context.project)
