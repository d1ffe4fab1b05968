import datetime
from collections.abc import Mapping
from typing import Any, Self
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..errors import InvalidBodyError
from ..models.mcp_server_installation_auth_type_enum import (
    MCPServerInstallationAuthTypeEnum,
)
from ..models.mcp_server_installation_scope_enum import MCPServerInstallationScopeEnum
from ..types import (
    decode_open_enum,
    decode_uuid,
    pydantic_schema,
)


@_attrs_define
class Installation:
    """An MCP server that a user installed.

    Attributes:
        id: The installation.
        name: The name to show: `display_name`, or else the template's name, or else empty.
        url: The MCP server's URL, exactly as it was sent.
        auth_type: How PostHog authenticates to the server: `api_key` or `oauth`.
        needs_reauth: Whether the stored token is no longer valid, so the user has to authorize again.
            Always false for `api_key`.
        pending_oauth: Whether no token is stored yet, because no OAuth flow has finished. Always false
            for `api_key`.
        proxy_url: The proxy's URL, as the service sees it. Never send a key to it: its host may differ
            from yours.
        created_at: When it was created, in UTC.
        server_id: The OAuth server record in earlier versions of the service, where installations may
            share one. None for `api_key` installations, and in later versions.
        template_id: The template of the catalogue. None for custom installations.
        icon_key: Use `icon_domain`.
        icon_domain: The domain of the template's brand. Empty for custom installations.
        display_name: The user's own name for it. May be empty.
        description: The user's description, or else the template's. May be empty.
        is_enabled: Whether the proxy accepts calls for it.
        scope: Whether only its owner can use it (`personal`) or everyone in the project (`shared`).
        is_owner: Whether it belongs to the key's owner. Only owners can change a shared installation.
        tool_count: The number of the server's tools. None if the service does not send it.
        last_synced_at: When PostHog last read the server's list of tools, in UTC. None if it never has,
            or if the service does not send it.
        last_sync_error: Why PostHog could not read the list of tools the last time, in at most 500
            characters, which may quote the server. Empty after a success, or if the service does not send it.
        updated_at: When it was last saved, also by a token refresh, in UTC.
        additional_properties: Fields that this version does not know, as received.
    """

    id: UUID
    name: str
    url: str
    auth_type: MCPServerInstallationAuthTypeEnum | str
    needs_reauth: bool
    pending_oauth: bool
    proxy_url: str
    created_at: datetime.datetime
    server_id: None | UUID = None
    template_id: None | UUID = None
    icon_key: str = ""
    icon_domain: str = ""
    display_name: str = ""
    description: str = ""
    is_enabled: bool = True
    scope: MCPServerInstallationScopeEnum | str = MCPServerInstallationScopeEnum.PERSONAL
    is_owner: bool = True
    tool_count: int | None = None
    last_synced_at: datetime.datetime | None = None
    last_sync_error: str = ""
    updated_at: datetime.datetime | None = None
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object; fields that are UNSET are left out."""
        id = str(self.id)
        name = self.name
        url = self.url
        auth_type: str
        if isinstance(self.auth_type, MCPServerInstallationAuthTypeEnum):
            auth_type = self.auth_type.value
        else:
            auth_type = self.auth_type
        needs_reauth = self.needs_reauth
        pending_oauth = self.pending_oauth
        proxy_url = self.proxy_url
        created_at = self.created_at.isoformat()
        server_id: None | str
        if isinstance(self.server_id, UUID):
            server_id = str(self.server_id)
        else:
            server_id = self.server_id
        template_id: None | str
        if isinstance(self.template_id, UUID):
            template_id = str(self.template_id)
        else:
            template_id = self.template_id
        icon_key = self.icon_key
        icon_domain = self.icon_domain
        display_name = self.display_name
        description = self.description
        is_enabled = self.is_enabled
        scope: str
        if isinstance(self.scope, MCPServerInstallationScopeEnum):
            scope = self.scope.value
        else:
            scope = self.scope
        is_owner = self.is_owner
        tool_count: int | None
        tool_count = self.tool_count
        last_synced_at: None | str
        if isinstance(self.last_synced_at, datetime.datetime):
            last_synced_at = self.last_synced_at.isoformat()
        else:
            last_synced_at = self.last_synced_at
        last_sync_error = self.last_sync_error
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
                "name": name,
                "url": url,
                "auth_type": auth_type,
                "needs_reauth": needs_reauth,
                "pending_oauth": pending_oauth,
                "proxy_url": proxy_url,
                "created_at": created_at,
                "server_id": server_id,
                "template_id": template_id,
                "icon_key": icon_key,
                "icon_domain": icon_domain,
                "display_name": display_name,
                "description": description,
                "is_enabled": is_enabled,
                "scope": scope,
                "is_owner": is_owner,
                "tool_count": tool_count,
                "last_synced_at": last_synced_at,
                "last_sync_error": last_sync_error,
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
            name = d.pop("name")
            if not isinstance(name, str):
                raise TypeError(f"expected str, not {type(name).__name__}")

            url = d.pop("url")
            if not isinstance(url, str):
                raise TypeError(f"expected str, not {type(url).__name__}")

            auth_type = d.pop("auth_type")
            auth_type = decode_open_enum(MCPServerInstallationAuthTypeEnum, auth_type)
            needs_reauth = d.pop("needs_reauth")
            if not isinstance(needs_reauth, bool):
                raise TypeError(f"expected bool, not {type(needs_reauth).__name__}")

            pending_oauth = d.pop("pending_oauth")
            if not isinstance(pending_oauth, bool):
                raise TypeError(f"expected bool, not {type(pending_oauth).__name__}")

            proxy_url = d.pop("proxy_url")
            if not isinstance(proxy_url, str):
                raise TypeError(f"expected str, not {type(proxy_url).__name__}")

            created_at = d.pop("created_at")
            created_at = datetime.datetime.fromisoformat(created_at)
            server_id = d.pop("server_id", None)
            if server_id is not None:
                server_id = decode_uuid(server_id)
            template_id = d.pop("template_id", None)
            if template_id is not None:
                template_id = decode_uuid(template_id)
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
            is_enabled = d.pop("is_enabled", None)
            if is_enabled is not None:
                if not isinstance(is_enabled, bool):
                    raise TypeError(f"expected bool, not {type(is_enabled).__name__}")

            else:
                is_enabled = True
            scope = d.pop("scope", None)
            if scope is not None:
                scope = decode_open_enum(MCPServerInstallationScopeEnum, scope)
            else:
                scope = MCPServerInstallationScopeEnum.PERSONAL
            is_owner = d.pop("is_owner", None)
            if is_owner is not None:
                if not isinstance(is_owner, bool):
                    raise TypeError(f"expected bool, not {type(is_owner).__name__}")

            else:
                is_owner = True
            tool_count = d.pop("tool_count", None)
            if tool_count is not None:
                if not isinstance(tool_count, int) or isinstance(tool_count, bool):
                    raise TypeError(f"expected int, not {type(tool_count).__name__}")
            last_synced_at = d.pop("last_synced_at", None)
            if last_synced_at is not None:
                last_synced_at = datetime.datetime.fromisoformat(last_synced_at)
            last_sync_error = d.pop("last_sync_error", None)
            if last_sync_error is not None:
                if not isinstance(last_sync_error, str):
                    raise TypeError(f"expected str, not {type(last_sync_error).__name__}")

            else:
                last_sync_error = ""
            updated_at = d.pop("updated_at", None)
            if updated_at is not None:
                updated_at = datetime.datetime.fromisoformat(updated_at)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            fields = (
                "id",
                "name",
                "url",
                "auth_type",
                "needs_reauth",
                "pending_oauth",
                "proxy_url",
                "created_at",
                "server_id",
                "template_id",
                "icon_key",
                "icon_domain",
                "display_name",
                "description",
                "is_enabled",
                "scope",
                "is_owner",
                "tool_count",
                "last_synced_at",
                "last_sync_error",
                "updated_at",
            )
            raise InvalidBodyError.locate(error, fields, src_dict, d) from error
        parsed = cls(
            id,
            name,
            url,
            auth_type,
            needs_reauth,
            pending_oauth,
            proxy_url,
            created_at,
            server_id,
            template_id,
            icon_key,
            icon_domain,
            display_name,
            description,
            is_enabled,
            scope,
            is_owner,
            tool_count,
            last_synced_at,
            last_sync_error,
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
