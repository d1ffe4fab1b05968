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
    UNSET,
    Unset,
    decode_uuid,
)


@_attrs_define
class MCPServerInstallationCreate:
    """The fields that upstream documents as writable when an installation is created.

    Attributes:
        url: The MCP server's URL, http or https.
        server_id: The OAuth server record to install.
        display_name: The user's own name for it.
        description: The user's description.
        auth_type: * `api_key` - API Key
            * `oauth` - OAuth
        is_enabled: Whether the proxy accepts calls for it.
        additional_properties: Fields that this version does not know, as received.
    """

    url: str
    server_id: UUID | Unset = UNSET
    display_name: str | Unset = UNSET
    description: str | Unset = UNSET
    auth_type: MCPServerInstallationAuthTypeEnum | Unset = UNSET
    is_enabled: bool | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object; fields that are UNSET are left out."""
        url = self.url
        server_id: str | Unset = UNSET
        if not isinstance(self.server_id, Unset):
            server_id = str(self.server_id)
        display_name = self.display_name
        description = self.description
        auth_type: str | Unset = UNSET
        if not isinstance(self.auth_type, Unset):
            auth_type = self.auth_type.value

        is_enabled = self.is_enabled
        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "url": url,
            }
        )
        if server_id is not UNSET:
            field_dict["server_id"] = server_id
        if display_name is not UNSET:
            field_dict["display_name"] = display_name
        if description is not UNSET:
            field_dict["description"] = description
        if auth_type is not UNSET:
            field_dict["auth_type"] = auth_type
        if is_enabled is not UNSET:
            field_dict["is_enabled"] = is_enabled
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
            url = d.pop("url")
            if not isinstance(url, str):
                raise TypeError(f"expected str, not {type(url).__name__}")

            server_id = d.pop("server_id", UNSET)
            if server_id is not UNSET:
                server_id = decode_uuid(server_id)
            display_name = d.pop("display_name", UNSET)
            if display_name is not UNSET:
                if not isinstance(display_name, str):
                    raise TypeError(f"expected str, not {type(display_name).__name__}")

            description = d.pop("description", UNSET)
            if description is not UNSET:
                if not isinstance(description, str):
                    raise TypeError(f"expected str, not {type(description).__name__}")

            auth_type = d.pop("auth_type", UNSET)
            if auth_type is not UNSET:
                auth_type = MCPServerInstallationAuthTypeEnum(auth_type)
            is_enabled = d.pop("is_enabled", UNSET)
            if is_enabled is not UNSET:
                if not isinstance(is_enabled, bool):
                    raise TypeError(f"expected bool, not {type(is_enabled).__name__}")

        except (AttributeError, KeyError, TypeError, ValueError) as error:
            fields = (
                "url",
                "server_id",
                "display_name",
                "description",
                "auth_type",
                "is_enabled",
            )
            raise InvalidBodyError.locate(error, fields, src_dict, d) from error
        parsed = cls(url, server_id, display_name, description, auth_type, is_enabled)
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
