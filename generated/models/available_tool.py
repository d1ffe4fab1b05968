from collections.abc import Mapping
from typing import Any, Self

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..errors import InvalidBodyError
from ..models.available_tool_annotations_type_0 import AvailableToolAnnotationsType0
from ..models.available_tool_input_schema_type_0 import AvailableToolInputSchemaType0
from ..models.mcp_tool_approval_state_enum import MCPToolApprovalStateEnum
from ..types import (
    decode_open_enum,
    pydantic_schema,
)


@_attrs_define
class AvailableTool:
    """A tool that is available to the key's owner.

    Attributes:
        name: The tool's name on its server.
        approval_state: The state that applies to the key's owner: `approved` or `needs_approval`.
        description: The description from the server; untrusted.
        input_schema: The JSON Schema of the arguments, from the server; untrusted.
        annotations: The server's hints, such as `readOnlyHint`; untrusted.
        additional_properties: Fields that this version does not know, as received.
    """

    name: str
    approval_state: MCPToolApprovalStateEnum | str
    description: str = ""
    input_schema: AvailableToolInputSchemaType0 | None = None
    annotations: AvailableToolAnnotationsType0 | None = None
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object; fields that are UNSET are left out."""
        name = self.name
        approval_state: str
        if isinstance(self.approval_state, MCPToolApprovalStateEnum):
            approval_state = self.approval_state.value
        else:
            approval_state = self.approval_state
        description = self.description
        input_schema: dict[str, Any] | None
        if isinstance(self.input_schema, AvailableToolInputSchemaType0):
            input_schema = self.input_schema.to_dict()
        else:
            input_schema = self.input_schema
        annotations: dict[str, Any] | None
        if isinstance(self.annotations, AvailableToolAnnotationsType0):
            annotations = self.annotations.to_dict()
        else:
            annotations = self.annotations
        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "name": name,
                "approval_state": approval_state,
                "description": description,
                "input_schema": input_schema,
                "annotations": annotations,
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
            name = d.pop("name")
            if not isinstance(name, str):
                raise TypeError(f"expected str, not {type(name).__name__}")

            approval_state = d.pop("approval_state")
            approval_state = decode_open_enum(MCPToolApprovalStateEnum, approval_state)
            description = d.pop("description", None)
            if description is not None:
                if not isinstance(description, str):
                    raise TypeError(f"expected str, not {type(description).__name__}")

            else:
                description = ""
            input_schema = d.pop("input_schema", None)
            if input_schema is not None:
                input_schema = AvailableToolInputSchemaType0.from_dict(input_schema)
            annotations = d.pop("annotations", None)
            if annotations is not None:
                annotations = AvailableToolAnnotationsType0.from_dict(annotations)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            fields = (
                "name",
                "approval_state",
                "description",
                "input_schema",
                "annotations",
            )
            raise InvalidBodyError.locate(error, fields, src_dict, d) from error
        parsed = cls(name, approval_state, description, input_schema, annotations)
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
