"""Tools and their results as plain data, where the generated classes would wrap each JSON object."""

from typing import Any
from uuid import UUID

from attrs import field, frozen


@frozen
class ToolResult:
    """The result of `call_tool()`.

    Attributes:
        content: MCP content blocks, such as `{"type": "text", "text": "42"}`.
        is_error: Whether the tool itself reports that it failed.
        structured_content: The result as JSON; None if the tool has no output schema.
        additional_properties: Fields that this version does not know, as received.
    """

    content: list[dict[str, Any]]
    is_error: bool
    structured_content: dict[str, Any] | None = None
    additional_properties: dict[str, Any] = field(factory=dict, repr=False)


@frozen
class AvailableTool:
    """A tool that the key's owner can use, or could after approving it.

    Attributes:
        name: The tool's name on its server.
        description: The description from the server; untrusted.
        input_schema: The JSON Schema of the arguments, from the server; untrusted.
        annotations: The server's hints, such as `readOnlyHint`; untrusted.
        approval_state: The state that applies to the key's owner: `approved` or `needs_approval`.
        additional_properties: Fields that this version does not know, as received.
    """

    name: str
    description: str
    input_schema: dict[str, Any]
    annotations: dict[str, Any]
    approval_state: str
    additional_properties: dict[str, Any] = field(factory=dict, repr=False)


@frozen
class ServerTools:
    """The tools of one installation.

    Attributes:
        installation_id: The installation.
        name: The installation's name.
        slug: The name in lower case with hyphens, unique among the installations that the key's owner can use.
        tools: Its tools, including those that need approval, but not those that are blocked.
        additional_properties: Fields that this version does not know, as received.
    """

    installation_id: UUID
    name: str
    slug: str
    tools: list[AvailableTool]
    additional_properties: dict[str, Any] = field(factory=dict, repr=False)
