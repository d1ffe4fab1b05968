import datetime
from collections.abc import Mapping
from typing import Any, Self
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..errors import InvalidBodyError
from ..models.mcp_tool_approval_state_enum import MCPToolApprovalStateEnum
from ..types import (
    decode_open_enum,
    decode_uuid,
    pydantic_schema,
)


@_attrs_define
class Tool:
    """A tool of an installation, as PostHog read it from the MCP server.

    Attributes:
        id: The tool's id.
        tool_name: The tool's name on its server.
        input_schema: The JSON Schema of the arguments, from the server; untrusted, and any JSON.
        approval_state: The state that applies to the key's owner, after the project's rules: `approved`,
            `needs_approval` or `do_not_use`.
        created_at: When PostHog first read it, in UTC.
        display_name: The tool's title, from the server. May be empty.
        description: The description from the server; untrusted.
        team_state: The least strict state that the project allows: `approved`, `needs_approval` or
            `do_not_use`. None if it sets none.
        locked: Whether the project decides the state, so that nobody can choose another one.
        decided_by: What decided the state, such as `rule`, `scope`, `team`, `preset`, `legacy` or
            `default`.
        last_seen_at: When the server last listed it, in UTC.
        removed_at: When PostHog noticed that the server no longer lists it, in UTC. None for tools that
            it lists.
        updated_at: When it was last saved, in UTC.
        additional_properties: Fields that this version does not know, as received.
    """

    id: UUID
    tool_name: str
    input_schema: Any
    approval_state: MCPToolApprovalStateEnum | str
    created_at: datetime.datetime
    display_name: str = ""
    description: str = ""
    team_state: MCPToolApprovalStateEnum | None | str = None
    locked: bool = False
    decided_by: str = ""
    last_seen_at: datetime.datetime | None = None
    removed_at: datetime.datetime | None = None
    updated_at: datetime.datetime | None = None
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object; fields that are UNSET are left out."""
        id = str(self.id)
        tool_name = self.tool_name
        input_schema = self.input_schema
        approval_state: str
        if isinstance(self.approval_state, MCPToolApprovalStateEnum):
            approval_state = self.approval_state.value
        else:
            approval_state = self.approval_state
        created_at = self.created_at.isoformat()
        display_name = self.display_name
        description = self.description
        team_state: None | str
        if isinstance(self.team_state, MCPToolApprovalStateEnum):
            team_state = self.team_state.value
        else:
            team_state = self.team_state
        locked = self.locked
        decided_by = self.decided_by
        last_seen_at: None | str
        if isinstance(self.last_seen_at, datetime.datetime):
            last_seen_at = self.last_seen_at.isoformat()
        else:
            last_seen_at = self.last_seen_at
        removed_at: None | str
        if isinstance(self.removed_at, datetime.datetime):
            removed_at = self.removed_at.isoformat()
        else:
            removed_at = self.removed_at
        updated_at: None | str
        if isinstance(self.updated_at, datetime.datetime):
            updated_at = self.updated_at.isoformat()
        else:
            updated_at = self.updated_at
        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "tool_name": tool_name,
                "input_schema": input_schema,
                "approval_state": approval_state,
                "created_at": created_at,
                "display_name": display_name,
                "description": description,
                "team_state": team_state,
                "locked": locked,
                "decided_by": decided_by,
                "last_seen_at": last_seen_at,
                "removed_at": removed_at,
                "updated_at": updated_at,
            }
        )
        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the JSON object.

        Args:
            src_dict: The object, as the service sends it.

        Raises:
            TypeError: It is not an object.
            InvalidBodyError: A field is missing, or does not have the type in the document.
        """
        if not isinstance(src_dict, (dict, Mapping)):
            raise TypeError(f"expected object, not {type(src_dict).__name__}")
        d = dict(src_dict)
        try:
            id = d.pop("id")
            id = decode_uuid(id)
            tool_name = d.pop("tool_name")
            if not isinstance(tool_name, str):
                raise TypeError(f"expected str, not {type(tool_name).__name__}")

            input_schema = d.pop("input_schema")
            pass
            approval_state = d.pop("approval_state")
            approval_state = decode_open_enum(MCPToolApprovalStateEnum, approval_state)
            created_at = d.pop("created_at")
            created_at = datetime.datetime.fromisoformat(created_at)
            display_name = d.pop("display_name", None)
            if display_name is not None:
                if not isinstance(display_name, str):
                    raise TypeError(f"expected str, not {type(display_name).__name__}")

            else:
                display_name = ""
            description = d.pop("description", None)
            if description is not None:
                if not isinstance(description, str):
                    raise TypeError(f"expected str, not {type(description).__name__}")

            else:
                description = ""
            team_state = d.pop("team_state", None)
            if team_state is not None:
                team_state = decode_open_enum(MCPToolApprovalStateEnum, team_state)
            locked = d.pop("locked", None)
            if locked is not None:
                if not isinstance(locked, bool):
                    raise TypeError(f"expected bool, not {type(locked).__name__}")

            else:
                locked = False
            decided_by = d.pop("decided_by", None)
            if decided_by is not None:
                if not isinstance(decided_by, str):
                    raise TypeError(f"expected str, not {type(decided_by).__name__}")

            else:
                decided_by = ""
            last_seen_at = d.pop("last_seen_at", None)
            if last_seen_at is not None:
                last_seen_at = datetime.datetime.fromisoformat(last_seen_at)
            removed_at = d.pop("removed_at", None)
            if removed_at is not None:
                removed_at = datetime.datetime.fromisoformat(removed_at)
            updated_at = d.pop("updated_at", None)
            if updated_at is not None:
                updated_at = datetime.datetime.fromisoformat(updated_at)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            fields = (
                "id",
                "tool_name",
                "input_schema",
                "approval_state",
                "created_at",
                "display_name",
                "description",
                "team_state",
                "locked",
                "decided_by",
                "last_seen_at",
                "removed_at",
                "updated_at",
            )
            raise InvalidBodyError.locate(error, fields, src_dict, d) from error
        parsed = cls(
            id,
            tool_name,
            input_schema,
            approval_state,
            created_at,
            display_name,
            description,
            team_state,
            locked,
            decided_by,
            last_seen_at,
            removed_at,
            updated_at,
        )
        parsed.additional_properties = d
        return parsed

    @classmethod
    def __get_pydantic_core_schema__(cls, _: Any, handler: Any) -> Any:
        """Makes it a type of fields in pydantic, which is only needed there."""
        return pydantic_schema(cls, handler.generate_schema)

    @property
    def additional_keys(self) -> list[str]:
        """The names of the fields in `additional_properties`."""
        return list(self.additional_properties)

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
