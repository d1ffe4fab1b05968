"""The tools of an installation, as the service keeps them (docs/service.md, section 10)."""

from collections import UserDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, get_args
from uuid import UUID, uuid4

from .timestamps import timestamp

ApprovalState = Literal["approved", "needs_approval", "do_not_use"]
"""Whether a tool may be called."""

ToolState = Literal["approved", "needs_approval", "do_not_use", "disabled", "blocked_by_team", "removed"]
"""What `InstallationRecord.tools` accepts in place of a ToolRecord.

An approval state, or `disabled` (the same as `do_not_use`), `blocked_by_team` (a `do_not_use` of the team's), or
`removed` (the MCP server no longer has the tool).
"""

SYNC_DEFAULT: ApprovalState = "needs_approval"
"""The state of a new tool. A stored state of this value is not a choice of the user's."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(eq=False, kw_only=True)
class ToolRecord:
    """One tool of an installation. Tests may change any field; the service sees it on the next request.

    Attributes:
        name: The tool's name on its server.
        display_name: The tool's title.
        description: The description from the server.
        input_schema: The JSON Schema of the arguments.
        annotations: The server's hints, such as `readOnlyHint`.
        approval_state: The stored state: `approved`, `needs_approval` or `do_not_use`. Which one applies to a caller
            also depends on the project's rules, its preset and `team_state`.
        choices: The users' own choices by user, made with PATCH. They take precedence over the stored state.
        team_state: The least strict state that the team allows: `approved`, `needs_approval` or `do_not_use`; None if
            it sets none.
        last_seen_at: When the server last listed it.
        removed_at: When the service noticed that the server no longer lists it; None for tools that it lists.
        created_at: When the service first read it.
        updated_at: When it was last saved; None if it never was.
        id: The tool's id.
    """

    name: str
    display_name: str = ""
    description: str = ""
    input_schema: Any = field(default_factory=dict)
    annotations: dict[str, Any] = field(default_factory=dict)
    approval_state: ApprovalState = SYNC_DEFAULT
    choices: dict[str, ApprovalState] = field(default_factory=dict)
    team_state: ApprovalState | None = None
    last_seen_at: datetime = field(default_factory=_now)
    removed_at: datetime | None = None
    created_at: datetime = field(default_factory=_now)
    updated_at: datetime | None = None
    id: UUID = field(default_factory=uuid4)

    def to_json(self) -> dict[str, Any]:
        """The fields of a response that do not depend on the caller."""
        return {
            "id": str(self.id),
            "tool_name": self.name,
            "display_name": self.display_name,
            "description": self.description,
            "input_schema": self.input_schema,
            "last_seen_at": timestamp(self.last_seen_at),
            "removed_at": timestamp(self.removed_at) if self.removed_at else None,
            "created_at": timestamp(self.created_at),
            "updated_at": timestamp(self.updated_at) if self.updated_at else None,
        }


class ToolTable(UserDict[str, ToolRecord]):
    """The tools by name. A tool can be set to a ToolRecord or just to a state."""

    def __init__(self, tools: Mapping[str, ToolRecord | ToolState] | None = None) -> None:
        super().__init__()
        for name, tool in (tools or {}).items():
            self[name] = tool

    def __setitem__(self, name: str, tool: ToolRecord | ToolState) -> None:
        self.data[name] = tool if isinstance(tool, ToolRecord) else _tool_in(name, tool)

    def sorted(self, *, include_removed: bool = False) -> list[ToolRecord]:
        """The tools by name."""
        tools = list(self.data.values())
        return sorted(
            (tool for tool in tools if include_removed or tool.removed_at is None), key=lambda tool: tool.name
        )


def _tool_in(name: str, state: ToolState) -> ToolRecord:
    if state not in get_args(ToolState):
        raise ValueError(f"{state!r} is not one of {', '.join(map(repr, get_args(ToolState)))}")
    tool = ToolRecord(name=name)
    if state == "do_not_use" or state == "disabled":  # noqa: PLR1714  # so that mypy narrows the type
        tool.approval_state = "do_not_use"
    elif state == "blocked_by_team":
        tool.team_state = "do_not_use"
    elif state == "removed":
        tool.removed_at = tool.created_at
    else:
        tool.approval_state = state
    return tool
