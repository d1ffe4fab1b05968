from collections.abc import Mapping
from typing import Any, Self

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..errors import InvalidBodyError
from ..models.call_tool_response_content_item import CallToolResponseContentItem
from ..models.call_tool_response_structured_content_type_0 import (
    CallToolResponseStructuredContentType0,
)
from ..types import (
    decode_list,
    pydantic_schema,
)


@_attrs_define
class CallToolResponse:
    """What a tool returned.

    Attributes:
        content: MCP content blocks, such as `{"type":"text","text":"42"}`.
        is_error: Whether the tool reports that it failed.
        structured_content: The result as JSON, where the tool has an output schema.
        additional_properties: Fields that this version does not know, as received.
    """

    content: list[CallToolResponseContentItem]
    is_error: bool
    structured_content: CallToolResponseStructuredContentType0 | None = None
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object; fields that are UNSET are left out."""
        content = []
        for content_item_data in self.content:
            content_item = content_item_data.to_dict()
            content.append(content_item)

        is_error = self.is_error
        structured_content: dict[str, Any] | None
        if isinstance(self.structured_content, CallToolResponseStructuredContentType0):
            structured_content = self.structured_content.to_dict()
        else:
            structured_content = self.structured_content
        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "content": content,
                "is_error": is_error,
                "structured_content": structured_content,
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
            content = d.pop("content")
            content = decode_list(content, CallToolResponseContentItem.from_dict)
            is_error = d.pop("is_error")
            if not isinstance(is_error, bool):
                raise TypeError(f"expected bool, not {type(is_error).__name__}")

            structured_content = d.pop("structured_content", None)
            if structured_content is not None:
                structured_content = CallToolResponseStructuredContentType0.from_dict(structured_content)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            fields = (
                "content",
                "is_error",
                "structured_content",
            )
            raise InvalidBodyError.locate(error, fields, src_dict, d) from error
        parsed = cls(content, is_error, structured_content)
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
