"""Which state of a tool holds for a caller (docs/service.md, sections 7 and 10). Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

from .projects import ProjectRecord
from .tools import SYNC_DEFAULT, ApprovalState, ToolRecord

DecidedBy = Literal["rule", "scope", "team", "preset", "legacy", "default"]

_STRICTNESS: dict[ApprovalState, int] = {"approved": 0, "needs_approval": 1, "do_not_use": 2}
# A selection of the service's verbs, in some of their forms.
_DESTRUCTIVE = re.compile(
    r"archiv(?:e[sd]?|ing)|ban(?:s|ned|ning)?|cancel(?:s|l?ed|l?ing)?|delet(?:e[sd]?|ing)|destroy(?:s|ed|ing)?|"
    r"drop(?:s|ped|ping)?|eras(?:e[sd]?|ing)|overwrit(?:es?|ing|ten)|overwrote|purg(?:e[sd]?|ing)|remov(?:e[sd]?|ing)|"
    r"reset(?:s|ting)?|revok(?:e[sd]?|ing)|suspend(?:s|ed|ing)?|terminat(?:e[sd]?|ing)|truncat(?:e[sd]?|ing)|"
    r"wip(?:e[sd]?|ing)"
)
_WORD = re.compile(r"[A-Z]*[a-z0-9]+|[A-Z]+")


@dataclass(frozen=True)
class ToolDecision:
    """The state that holds, what decided it, and the least strict state that the team allows."""

    state: ApprovalState
    decided_by: DecidedBy
    team_state: ApprovalState | None

    @property
    def locked(self) -> bool:
        """Whether the user cannot choose another state."""
        return self.decided_by == "rule" or self.team_state == "do_not_use"


def decide(tool: ToolRecord, *, user: str, project: ProjectRecord) -> ToolDecision:
    """A rule decides alone. Without one, the stricter of the user's own choice and the team's limit holds."""
    limit, limited_by = _limit(tool, project)
    rule = _rule(tool, project)
    if rule is not None:
        return ToolDecision(rule, "rule", limit)
    choice, chosen_by = _choice(tool, user)
    if choice is not None and is_allowed(choice, limit):
        return ToolDecision(choice, chosen_by, limit)
    return ToolDecision(SYNC_DEFAULT, "default", None) if limit is None else ToolDecision(limit, limited_by, limit)


def team_state(tool: ToolRecord, project: ProjectRecord) -> ApprovalState | None:
    """The least strict state that the team allows; None if it has no opinion."""
    return _limit(tool, project)[0]


def is_allowed(state: ApprovalState, limit: ApprovalState | None) -> bool:
    """Whether the state is at least as strict as the limit."""
    return limit is None or _STRICTNESS[state] >= _STRICTNESS[limit]


def is_destructive(tool: ToolRecord) -> bool:
    """Whether the tool's name has a destructive verb, or its server says that the tool is destructive."""
    return tool.annotations.get("destructiveHint") is True or any(map(_DESTRUCTIVE.fullmatch, _words(tool.name)))


def _words(name: str) -> Iterator[str]:
    return (word.lower() for word in _WORD.findall(name))


def _limit(tool: ToolRecord, project: ProjectRecord) -> tuple[ApprovalState | None, DecidedBy]:
    if tool.team_state is not None:
        return tool.team_state, "team"
    presets: dict[str, tuple[ApprovalState, ApprovalState]] = {
        # The states of other tools and of destructive ones.
        "allow": ("approved", "approved"),
        "user": ("needs_approval", "needs_approval"),
        "ask": ("approved", "needs_approval"),
        "block": ("approved", "do_not_use"),
    }
    if project.tool_preset not in presets:
        return None, "default"
    return presets[project.tool_preset][is_destructive(tool)], "preset"


def _rule(tool: ToolRecord, project: ProjectRecord) -> ApprovalState | None:
    """The strictest of the rules that apply."""
    states: list[ApprovalState] = [
        state
        for pattern, state in list(project.tool_rules.items())
        if (fnmatchcase(tool.name, pattern) if pattern else is_destructive(tool))
    ]
    return max(states, key=lambda state: _STRICTNESS[state], default=None)


def _choice(tool: ToolRecord, user: str) -> tuple[ApprovalState | None, DecidedBy]:
    if user in tool.choices:
        return tool.choices[user], "scope"
    return (None if tool.approval_state == SYNC_DEFAULT else tool.approval_state), "legacy"
