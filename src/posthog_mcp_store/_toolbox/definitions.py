"""Which tools of an MCP server can be used, and why others can't. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen

from .._core.text import short_repr
from .._core.validation import MAX_TOOL_NAME_LENGTH, SURROGATES

MAX_TOOLS = 10_000
"""Per installation. No model can choose from more, and a server's list may be endless."""
MAX_FAULTS = 100
"""How many unusable tools of an installation are named; the others are only counted."""
MAX_DESCRIPTION_LENGTH = 10_000
MAX_SCHEMA_LEVELS = 100
"""Libraries that convert or write schemas recurse, and fail at a few hundred levels."""
MAX_SCHEMA_SIZE = 100_000
"""Values and characters."""


@frozen
class ToolDefinition:
    """A tool as its MCP server describes it."""

    name: str
    description: str
    input_schema: dict[str, Any]
    annotations: dict[str, Any]


def usable_tools(tools: Sequence[object]) -> tuple[list[ToolDefinition], list[str]]:
    """The tools of a `tools/list` result that can be used, and why each other was left out.

    Of two tools with the same name, the first is used.
    """
    usable: dict[str, ToolDefinition] = {}
    faults: list[str] = []
    for position, tool in enumerate(tools, 1):
        if (fault := _fault(tool)) is None:
            definition = _definition(tool)
            usable.setdefault(definition.name, definition)
        else:
            faults.append(f"the tool {_label(tool, position)} violates MCP's schema and was left out: {fault}")
    return list(usable.values()), faults


def summarized(faults: Sequence[str]) -> list[str]:
    """The first of many faults, and the number of the others."""
    if len(faults) <= MAX_FAULTS:
        return list(faults)
    return [*faults[:MAX_FAULTS], f"{len(faults) - MAX_FAULTS} more tools violate MCP's schema and were left out"]


def _label(tool: object, position: int) -> str:
    name = tool.get("name") if isinstance(tool, Mapping) else None
    return short_repr(name) if isinstance(name, str) else f"number {position}"


def _fault(tool: object) -> str | None:
    if not isinstance(tool, Mapping):
        return "it is not an object"
    name, description = tool.get("name"), tool.get("description")
    if not isinstance(name, str) or not name or SURROGATES.search(name):
        return "its name is not text"
    if len(name) > MAX_TOOL_NAME_LENGTH:
        return f"its name is longer than {MAX_TOOL_NAME_LENGTH} characters"
    if not isinstance(description, str | None):
        return "its description is not text"
    if not isinstance(tool.get("annotations"), Mapping | None):
        return "its annotations are not an object"
    return _schema_fault(tool.get("inputSchema"))


def _schema_fault(schema: object) -> str | None:
    if not isinstance(schema, Mapping):
        return "its inputSchema is not an object"
    kinds = schema.get("type", "object")
    if "object" not in (kinds if isinstance(kinds, list) else [kinds]):
        return "its inputSchema describes no object"
    if not isinstance(schema.get("properties", {}), Mapping):
        return "the properties of its inputSchema are not an object"
    return _size_fault(schema)


def _size_fault(schema: object) -> str | None:
    size = 0
    remaining = [(schema, 1)]
    while remaining:
        value, level = remaining.pop()
        if level > MAX_SCHEMA_LEVELS:
            return f"its inputSchema is nested over {MAX_SCHEMA_LEVELS} levels deep"
        parts: list[object] = []
        if isinstance(value, Mapping):
            parts = [*value, *value.values()]
        elif isinstance(value, list):
            parts = value
        size += len(value) if isinstance(value, str) else 1 + len(parts)
        if size > MAX_SCHEMA_SIZE:
            return f"its inputSchema is larger than {MAX_SCHEMA_SIZE} characters"
        remaining.extend((part, level + 1) for part in parts)
    return None


def _definition(tool: Any) -> ToolDefinition:
    return ToolDefinition(
        name=tool["name"],
        description=_shortened(tool.get("description") or ""),
        # Some vendors of models refuse an object schema without properties.
        input_schema={"properties": {}, **tool["inputSchema"], "type": "object"},
        annotations=dict(tool.get("annotations") or {}),
    )


def _shortened(text: str) -> str:
    return text if len(text) <= MAX_DESCRIPTION_LENGTH else f"{text[: MAX_DESCRIPTION_LENGTH - 1]}…"
