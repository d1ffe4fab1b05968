"""The tool calls that the proxy allows (docs/service.md, section 7). Pure."""

from collections.abc import Mapping
from typing import Any

from .._model.projects import ProjectRecord
from .._model.records import ServiceVersion
from .._model.tool_policy import decide
from .._model.tools import ToolRecord

_NAMELESS = (-32601, "tools/call missing 'name' parameter")
_MIXED = (
    -32000,
    "Batch rejected: it contains a tool call that requires approval or is disabled; send items individually",
)


class ToolGuard:
    """Decides about a user's calls of an installation's tools."""

    def __init__(
        self, tools: Mapping[str, ToolRecord], *, user: str, project: ProjectRecord, version: ServiceVersion
    ) -> None:
        self._tools = tools
        self._user = user
        self._project = project
        self._version = version

    def refusal(self, message: object) -> Any:
        """The error to send instead of the MCP server's response; None if the message is allowed."""
        if not isinstance(message, list):
            return self._refusal(message)
        refusals = [self._refusal(item) for item in message]
        if None not in refusals:
            return refusals
        return [_error(item, *_MIXED) for item in message] if any(refusals) else None

    def _refusal(self, item: object) -> dict[str, Any] | None:
        if not isinstance(item, dict) or item.get("method") != "tools/call":
            return None
        params = item.get("params")
        name = params.get("name") if isinstance(params, dict) else None
        if not name or not isinstance(name, str):
            return _error(item, *_NAMELESS)
        reason = self._reason(name)
        return None if reason is None else _error(item, *reason)

    def _reason(self, name: str) -> tuple[int, str] | None:
        tool = self._tools.get(name)
        if tool is None:
            return -32601, f"Tool '{name}' is not registered for this installation"
        if tool.removed_at is not None:
            return -32601, f"Tool '{name}' is no longer available on the upstream server"
        state = decide(tool, user=self._user, project=self._project).state
        if state == "needs_approval":
            return -32001, f"Tool '{name}' requires approval before it can be called"
        if state == "do_not_use":
            return -32002, f"Tool '{name}' {self._blocked_by(tool)}"
        return None

    def _blocked_by(self, tool: ToolRecord) -> str:
        """Since version 2026-09, this is also the text where the user's own choice blocks the tool."""
        if self._version >= "2026-09" or tool.team_state is not None:
            return "is blocked by team policy"
        return "has been disabled by the user"


def _error(item: object, code: int, message: str) -> dict[str, Any]:
    id_ = item.get("id") if isinstance(item, dict) else None
    return {"jsonrpc": "2.0", "id": id_, "error": {"code": code, "message": message}}
