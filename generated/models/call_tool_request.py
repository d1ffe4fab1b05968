from collections.abc import Mapping
from typing import Any, Self

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..errors import InvalidBodyError
from ..models.call_tool_request_arguments import CallToolRequestArguments
from ..types import (
    UNSET,
    Unset,
)


@_attrs_define
class CallToolRequest:
    """A tool to call.

    Attributes:
        tool_name: The tool's name on its server.
        arguments: The tool's arguments.
        additional_properties: Fields that this version does not know, as received.
    """

    tool_name: str
    arguments: CallToolRequestArguments | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object; fields that are UNSET are left out."""
        tool_name = self.tool_name
        arguments: dict[str, Any] | Unset = UNSET
        if not isinstance(self.arguments, Unset):
            arguments = self.arguments.to_dict()
        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "tool_name": tool_name,
            }
        )
        if arguments is not UNSET:
            field_dict["arguments"] = arguments
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
            tool_name = d.pop("tool_name")
            if not isinstance(tool_name, str):
                raise TypeError(f"expected str, not {type(tool_name).__name__}")

            arguments = d.pop("arguments", UNSET)
            if arguments is not UNSET:
                arguments = CallToolRequestArguments.from_dict(arguments)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            fields = (
                "tool_name",
                "arguments",
            )
            raise InvalidBodyError.locate(error, fields, src_dict, d) from error
        parsed = cls(tool_name, arguments)
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
