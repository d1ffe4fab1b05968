"""The tool calls that the proxy allows (docs/service.md, section 7). Pure."""

from collections.abc import Mapping
from typing import Any

from .._model.records import ToolState

_REFUSALS: dict[ToolState, tuple[int, str] | None] = {
    "approved": None,
    "needs_approval": (-32001, "Tool '{}' requires approval before it can be called"),
    "disabled": (-32002, "Tool '{}' has been disabled by the user"),
    "blocked_by_team": (-32002, "Tool '{}' is blocked by team policy"),
    "removed": (-32601, "Tool '{}' is no longer available on the upstream server"),
}
_UNKNOWN = (-32601, "Tool '{}' is not registered for this installation")
_NAMELESS = (-32601, "tools/call missing 'name' parameter")
_MIXED = (
    -32000,
    "Batch rejected: it contains a tool call that requires approval or is disabled; send items individually",
)


def refused(tools: Mapping[str, ToolState] | None, message: object) -> Any:
    """The error to send instead of the MCP server's response; None if the message is allowed."""
    if tools is None:
        return None
    if not isinstance(message, list):
        return _refusal(tools, message)
    refusals = [_refusal(tools, item) for item in message]
    if None not in refusals:
        return refusals
    return [_error(item, *_MIXED) for item in message] if any(refusals) else None


def _refusal(tools: Mapping[str, ToolState], item: object) -> dict[str, Any] | None:
    if not isinstance(item, dict) or item.get("method") != "tools/call":
        return None
    params = item.get("params")
    name = params.get("name") if isinstance(params, dict) else None
    if not name or not isinstance(name, str):
        return _error(item, *_NAMELESS)
    refusal = _REFUSALS[tools[name]] if name in tools else _UNKNOWN
    return None if refusal is None else _error(item, refusal[0], refusal[1].format(name))


def _error(item: object, code: int, message: str) -> dict[str, Any]:
    id_ = item.get("id") if isinstance(item, dict) else None
    return {"jsonrpc": "2.0", "id": id_, "error": {"code": code, "message": message}}
