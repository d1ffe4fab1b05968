from collections.abc import Mapping
from typing import Any, Self
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..errors import InvalidBodyError
from ..models.mcp_server_installation_auth_type_enum import (
    MCPServerInstallationAuthTypeEnum,
)
from ..types import (
    decode_open_enum,
    decode_uuid,
    pydantic_schema,
)


@_attrs_define
class Template:
    """A server of the catalogue.

    Attributes:
        name: The server's name.
        url: The MCP server's URL.
        auth_type: How PostHog authenticates to the server: `api_key` or `oauth`.
        id: The template's id, the `template_id` of its installations. None in earlier versions of the
            service.
        docs_url: The vendor's documentation. May be empty.
        description: The catalogue's description of it.
        icon_key: Use `icon_domain`.
        icon_domain: The domain of the vendor's brand. May be empty.
        category: `business`, `data`, `design`, `dev`, `infra`, `productivity`, or a newer one.
        additional_properties: Fields that this version does not know, as received.
    """

    name: str
    url: str
    auth_type: MCPServerInstallationAuthTypeEnum | str
    id: None | UUID = None
    docs_url: str = ""
    description: str = ""
    icon_key: str = ""
    icon_domain: str = ""
    category: str = ""
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object; fields that are UNSET are left out."""
        name = self.name
        url = self.url
        auth_type: str
        if isinstance(self.auth_type, MCPServerInstallationAuthTypeEnum):
            auth_type = self.auth_type.value
        else:
            auth_type = self.auth_type
        id: None | str
        if isinstance(self.id, UUID):
            id = str(self.id)
        else:
            id = self.id
        docs_url = self.docs_url
        description = self.description
        icon_key = self.icon_key
        icon_domain = self.icon_domain
        category = self.category
        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "name": name,
                "url": url,
                "auth_type": auth_type,
                "id": id,
                "docs_url": docs_url,
                "description": description,
                "icon_key": icon_key,
                "icon_domain": icon_domain,
                "category": category,
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

            url = d.pop("url")
            if not isinstance(url, str):
                raise TypeError(f"expected str, not {type(url).__name__}")

            auth_type = d.pop("auth_type")
            auth_type = decode_open_enum(MCPServerInstallationAuthTypeEnum, auth_type)
            id = d.pop("id", None)
            if id is not None:
                id = decode_uuid(id)
            docs_url = d.pop("docs_url", None)
            if docs_url is not None:
                if not isinstance(docs_url, str):
                    raise TypeError(f"expected str, not {type(docs_url).__name__}")

            else:
                docs_url = ""
            description = d.pop("description", None)
            if description is not None:
                if not isinstance(description, str):
                    raise TypeError(f"expected str, not {type(description).__name__}")

            else:
                description = ""
            icon_key = d.pop("icon_key", None)
            if icon_key is not None:
                if not isinstance(icon_key, str):
                    raise TypeError(f"expected str, not {type(icon_key).__name__}")

            else:
                icon_key = ""
            icon_domain = d.pop("icon_domain", None)
            if icon_domain is not None:
                if not isinstance(icon_domain, str):
                    raise TypeError(f"expected str, not {type(icon_domain).__name__}")

            else:
                icon_domain = ""
            category = d.pop("category", None)
            if category is not None:
                if not isinstance(category, str):
                    raise TypeError(f"expected str, not {type(category).__name__}")

            else:
                category = ""
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            fields = (
                "name",
                "url",
                "auth_type",
                "id",
                "docs_url",
                "description",
                "icon_key",
                "icon_domain",
                "category",
            )
            raise InvalidBodyError.locate(error, fields, src_dict, d) from error
        parsed = cls(name, url, auth_type, id, docs_url, description, icon_key, icon_domain, category)
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
