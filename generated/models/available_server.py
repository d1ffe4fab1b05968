from collections.abc import Mapping
from typing import Any, Self
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..errors import InvalidBodyError
from ..models.available_tool import AvailableTool
from ..types import (
    decode_list,
    decode_uuid,
    pydantic_schema,
)


@_attrs_define
class AvailableServer:
    """An installation with its tools.

    Attributes:
        installation_id: The installation.
        name: The installation's name.
        tools: Its tools, including those that need approval, but not those that are blocked.
        slug: The name in lower case with hyphens, unique among the installations that the key's owner can
            use.
        additional_properties: Fields that this version does not know, as received.
    """

    installation_id: UUID
    name: str
    tools: list[AvailableTool]
    slug: str = ""
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object; fields that are UNSET are left out."""
        installation_id = str(self.installation_id)
        name = self.name
        tools = []
        for tools_item_data in self.tools:
            tools_item = tools_item_data.to_dict()
            tools.append(tools_item)

        slug = self.slug
        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "installation_id": installation_id,
                "name": name,
                "tools": tools,
                "slug": slug,
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
            installation_id = d.pop("installation_id")
            installation_id = decode_uuid(installation_id)
            name = d.pop("name")
            if not isinstance(name, str):
                raise TypeError(f"expected str, not {type(name).__name__}")

            tools = d.pop("tools")
            tools = decode_list(tools, AvailableTool.from_dict)
            slug = d.pop("slug", None)
            if slug is not None:
                if not isinstance(slug, str):
                    raise TypeError(f"expected str, not {type(slug).__name__}")

            else:
                slug = ""
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            fields = (
                "installation_id",
                "name",
                "tools",
                "slug",
            )
            raise InvalidBodyError.locate(error, fields, src_dict, d) from error
        parsed = cls(installation_id, name, tools, slug)
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
