"""A project and what its admins decided (docs/service.md, sections 5 and 10)."""

from dataclasses import dataclass, field
from typing import Literal

from .tools import ApprovalState

ToolPreset = Literal["", "allow", "user", "ask", "block"]


@dataclass(eq=False, kw_only=True)
class ProjectRecord:
    """One project. Tests may change any field; the service sees it on the next request. Only in version 2026-09.

    Attributes:
        id: The project's id.
        admins: The users who are project admins. The default user is not.
        members_add_servers: Whether members may install servers that are neither in the catalogue nor in `servers`.
        members_manage_agents: Whether members may choose which of PostHog's agents use their installations.
        servers_start_enabled: Whether members may install servers that are not in `servers`.
        servers: The URLs that somebody has installed, and whether each server is enabled for the team.
        tool_preset: The default for tools. `allow` approves all of them, `user` requires approval of all of them, `ask`
            requires it of destructive ones, `block` blocks destructive ones. Empty, it leaves them to the members.
        tool_rules: Rules by patterns of tool names, such as `drop_*`, that nobody can override. The empty pattern
            applies to destructive tools.
    """

    id: str
    admins: set[str] = field(default_factory=set)
    members_add_servers: bool = True
    members_manage_agents: bool = True
    servers_start_enabled: bool = True
    servers: dict[str, bool] = field(default_factory=dict)
    tool_preset: ToolPreset = ""
    tool_rules: dict[str, ApprovalState] = field(default_factory=dict)
