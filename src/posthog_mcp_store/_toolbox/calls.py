"""The two ways to call a tool: with the service's `call_tool`, or in a session through the proxy."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from .._core.errors import NotFoundError
from .._core.text import short_repr
from .._core.tools import ToolResult
from .._proxy.session import SendMessage
from .._request.deadline import Deadline
from .._request.status_errors import has_own_text
from .light_session import LightSession
from .toolbox import CallTool


class Sessions:
    """Sessions with MCP servers, one for each installation."""

    def __init__(self, send: Callable[[UUID], SendMessage], *, deadline: float | None, url: str) -> None:
        self._send = send
        self._deadline = deadline
        self._url = url
        """Of the installations, for errors."""
        self._sessions: dict[UUID, LightSession] = {}

    def session_with(self, id: UUID) -> LightSession:
        """The session with the server of an installation."""
        if id not in self._sessions:
            self._sessions[id] = LightSession(self._send(id))
        return self._sessions[id]

    async def call_tool(self, id: UUID, tool_name: str, arguments: Mapping[str, Any] | None, /) -> ToolResult:
        """Call a tool; the deadline of the store's view bounds the call together with beginning the session."""
        deadline = Deadline(self._deadline, f"the call of {short_repr(tool_name)}", method="POST", url=self._url)
        return await deadline.hold(self.session_with(id).call_tool(tool_name, arguments or {}))


class ServiceCalls:
    """Calls tools with the service's `call_tool`, and in sessions those that it can't call."""

    def __init__(self, call_tool: CallTool, sessions: Sessions) -> None:
        self._call_tool = call_tool
        self._sessions = sessions
        self._has_call_tool = True

    async def call_tool(self, id: UUID, tool_name: str, arguments: Mapping[str, Any] | None, /) -> ToolResult:
        # The service strips names, and would call another tool.
        if self._has_call_tool and tool_name == tool_name.strip():
            try:
                return await self._call_tool(id, tool_name, arguments)
            except NotFoundError as error:
                if has_own_text(error):
                    raise
            # For some weeks, PostHog listed tools and could not call them.
            self._has_call_tool = False
        return await self._sessions.call_tool(id, tool_name, arguments)
