from collections.abc import Mapping
from typing import Any, Self
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..errors import InvalidBodyError
from ..models.install_source_enum import InstallSourceEnum
from ..models.mcp_agent_grant_scope_enum import MCPAgentGrantScopeEnum
from ..models.mcp_installation_scope_enum import MCPInstallationScopeEnum
from ..types import (
    UNSET,
    Unset,
    decode_uuid,
)


@_attrs_define
class InstallTemplate:
    """A server of the catalogue to install.

    Attributes:
        template_id: The template.
        api_key: The MCP server's key, which templates with `auth_type` `api_key` require.
        install_source: * `posthog` - posthog
            * `posthog-code` - posthog-code
        posthog_code_callback_url: Where a `posthog-code` flow sends the browser. Its scheme has to be
            `array` or `posthog-code`.
        scope: * `personal` - personal
            * `shared` - shared
        team_enabled: False switches the server off for the project. Only for project admins.
        agent_scope: * `personal` - personal
            * `team` - team
        return_path: The page of PostHog to which the browser is sent if there is no callback URL: a path
            that starts with a single slash. The service ignores anything else.
        additional_properties: Fields that this version does not know, as received.
    """

    template_id: UUID
    api_key: str | Unset = _attrs_field(default=UNSET, repr=False)
    install_source: InstallSourceEnum | Unset = UNSET
    posthog_code_callback_url: str | Unset = UNSET
    scope: MCPInstallationScopeEnum | Unset = UNSET
    team_enabled: bool | Unset = UNSET
    agent_scope: MCPAgentGrantScopeEnum | Unset = UNSET
    return_path: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object; fields that are UNSET are left out."""
        template_id = str(self.template_id)
        api_key = self.api_key
        install_source: str | Unset = UNSET
        if not isinstance(self.install_source, Unset):
            install_source = self.install_source.value

        posthog_code_callback_url = self.posthog_code_callback_url
        scope: str | Unset = UNSET
        if not isinstance(self.scope, Unset):
            scope = self.scope.value

        team_enabled = self.team_enabled
        agent_scope: str | Unset = UNSET
        if not isinstance(self.agent_scope, Unset):
            agent_scope = self.agent_scope.value

        return_path = self.return_path
        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "template_id": template_id,
            }
        )
        if api_key is not UNSET:
            field_dict["api_key"] = api_key
        if install_source is not UNSET:
            field_dict["install_source"] = install_source
        if posthog_code_callback_url is not UNSET:
            field_dict["posthog_code_callback_url"] = posthog_code_callback_url
        if scope is not UNSET:
            field_dict["scope"] = scope
        if team_enabled is not UNSET:
            field_dict["team_enabled"] = team_enabled
        if agent_scope is not UNSET:
            field_dict["agent_scope"] = agent_scope
        if return_path is not UNSET:
            field_dict["return_path"] = return_path
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
            template_id = d.pop("template_id")
            template_id = decode_uuid(template_id)
            api_key = d.pop("api_key", UNSET)
            if api_key is not UNSET:
                if not isinstance(api_key, str):
                    raise TypeError(f"expected str, not {type(api_key).__name__}")

            install_source = d.pop("install_source", UNSET)
            if install_source is not UNSET:
                install_source = InstallSourceEnum(install_source)
            posthog_code_callback_url = d.pop("posthog_code_callback_url", UNSET)
            if posthog_code_callback_url is not UNSET:
                if not isinstance(posthog_code_callback_url, str):
                    raise TypeError(f"expected str, not {type(posthog_code_callback_url).__name__}")

            scope = d.pop("scope", UNSET)
            if scope is not UNSET:
                scope = MCPInstallationScopeEnum(scope)
            team_enabled = d.pop("team_enabled", UNSET)
            if team_enabled is not UNSET:
                if not isinstance(team_enabled, bool):
                    raise TypeError(f"expected bool, not {type(team_enabled).__name__}")

            agent_scope = d.pop("agent_scope", UNSET)
            if agent_scope is not UNSET:
                agent_scope = MCPAgentGrantScopeEnum(agent_scope)
            return_path = d.pop("return_path", UNSET)
            if return_path is not UNSET:
                if not isinstance(return_path, str):
                    raise TypeError(f"expected str, not {type(return_path).__name__}")

        except (AttributeError, KeyError, TypeError, ValueError) as error:
            fields = (
                "template_id",
                "api_key",
                "install_source",
                "posthog_code_callback_url",
                "scope",
                "team_enabled",
                "agent_scope",
                "return_path",
            )
            raise InvalidBodyError.locate(error, fields, src_dict, d) from error
        parsed = cls(
            template_id,
            api_key,
            install_source,
            posthog_code_callback_url,
            scope,
            team_enabled,
            agent_scope,
            return_path,
        )
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
