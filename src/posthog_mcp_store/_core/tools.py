"""Tools and their results as plain data, where the generated classes would wrap each JSON object."""

from typing import Any
from uuid import UUID

from attrs import field, frozen


@frozen
class ToolResult:
    """The result of `call_tool()`."""

    content: list[dict[str, Any]]
    """MCP content blocks, such as `{"type": "text", "text": "42"}`."""
    is_error: bool
    """Whether the tool itself reports that it failed."""
    structured_content: dict[str, Any] | None = None
    """The result as JSON, if the tool has an output schema."""
    additional_properties: dict[str, Any] = field(factory=dict, repr=False)
    """Fields that the document does not list, as they came."""


@frozen
class AvailableTool:
    """A tool that the key's owner can reach, whether or not it still needs approval."""

    name: str
    description: str
    """The server's words, untrusted."""
    input_schema: dict[str, Any]
    """The JSON Schema of the arguments, untrusted."""
    annotations: dict[str, Any]
    """The server's hints, untrusted, such as `readOnlyHint`."""
    approval_state: str
    """`approved` or `needs_approval`: the state that holds for the key's owner."""
    additional_properties: dict[str, Any] = field(factory=dict, repr=False)
    """Fields that the document does not list, as they came."""


@frozen
class ServerTools:
    """The tools of one installation."""

    installation_id: UUID
    name: str
    """The installation's name."""
    slug: str
    """The name in lower case with hyphens, unique among the installations that the key's owner can use."""
    tools: list[AvailableTool]
    """Tools without those that are blocked."""
    additional_properties: dict[str, Any] = field(factory=dict, repr=False)
    """Fields that the document does not list, as they came."""
