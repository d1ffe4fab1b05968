from collections.abc import Mapping
from typing import Any, Self

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..errors import InvalidBodyError
from ..models.mcp_tool_approval_state_enum import MCPToolApprovalStateEnum


@_attrs_define
class PatchedToolApprovalUpdate:
    """The state to give a tool.

    Attributes:
        approval_state: * `approved` - Approved
            * `needs_approval` - Needs approval
            * `do_not_use` - Do not use
        additional_properties: Fields that this version does not know, as received.
    """

    approval_state: MCPToolApprovalStateEnum
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object; fields that are UNSET are left out."""
        approval_state = self.approval_state.value
        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "approval_state": approval_state,
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
            approval_state = d.pop("approval_state")
            approval_state = MCPToolApprovalStateEnum(approval_state)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            fields = ("approval_state",)
            raise InvalidBodyError.locate(error, fields, src_dict, d) from error
        parsed = cls(approval_state)
        parsed.additional_properties = d
        return parsed

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
