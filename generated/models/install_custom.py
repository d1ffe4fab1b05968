from collections.abc import Mapping
from typing import Any, Self

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..errors import InvalidBodyError
from ..models.install_custom_auth_type_enum import InstallCustomAuthTypeEnum
from ..models.install_source_enum import InstallSourceEnum
from ..types import UNSET, Unset


@_attrs_define
class InstallCustom:
    """An MCP server to install by its URL."""

    name: str
    """What to call it; becomes `display_name`."""

    url: str
    """The MCP server's URL, http or https, not on a private network. Stored as sent."""

    auth_type: InstallCustomAuthTypeEnum
    """* `api_key` - api_key
    * `oauth` - oauth"""

    api_key: str | Unset = _attrs_field(default=UNSET, repr=False)
    """The MCP server's own key, for `api_key`. Sent to it as a Bearer token; never readable again. Without it
    the installation is made and never works."""

    description: str | Unset = UNSET
    """The user's own words."""

    install_source: InstallSourceEnum | Unset = UNSET
    """* `posthog` - posthog
    * `posthog-code` - posthog-code"""

    posthog_code_callback_url: str | Unset = UNSET
    """Where a `posthog-code` flow sends the browser. The schemes `array` and `posthog-code` only."""

    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)
    """Fields that the document does not list, as received."""

    def to_dict(self) -> dict[str, Any]:
        """The JSON object; fields that are UNSET are left out."""
        name = self.name
        url = self.url
        auth_type = self.auth_type.value
        api_key = self.api_key
        description = self.description
        install_source: str | Unset = UNSET
        if not isinstance(self.install_source, Unset):
            install_source = self.install_source.value

        posthog_code_callback_url = self.posthog_code_callback_url
        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "name": name,
                "url": url,
                "auth_type": auth_type,
            }
        )
        if api_key is not UNSET:
            field_dict["api_key"] = api_key
        if description is not UNSET:
            field_dict["description"] = description
        if install_source is not UNSET:
            field_dict["install_source"] = install_source
        if posthog_code_callback_url is not UNSET:
            field_dict["posthog_code_callback_url"] = posthog_code_callback_url
        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the JSON object.

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
            auth_type = InstallCustomAuthTypeEnum(auth_type)
            api_key = d.pop("api_key", UNSET)
            if api_key is not UNSET:
                if not isinstance(api_key, str):
                    raise TypeError(f"expected str, not {type(api_key).__name__}")

            description = d.pop("description", UNSET)
            if description is not UNSET:
                if not isinstance(description, str):
                    raise TypeError(f"expected str, not {type(description).__name__}")

            install_source = d.pop("install_source", UNSET)
            if install_source is not UNSET:
                install_source = InstallSourceEnum(install_source)
            posthog_code_callback_url = d.pop("posthog_code_callback_url", UNSET)
            if posthog_code_callback_url is not UNSET:
                if not isinstance(posthog_code_callback_url, str):
                    raise TypeError(f"expected str, not {type(posthog_code_callback_url).__name__}")

        except (AttributeError, KeyError, TypeError, ValueError) as error:
            fields = (
                "name",
                "url",
                "auth_type",
                "api_key",
                "description",
                "install_source",
                "posthog_code_callback_url",
            )
            raise InvalidBodyError.locate(error, fields, src_dict, d) from error
        parsed = cls(name, url, auth_type, api_key, description, install_source, posthog_code_callback_url)
        parsed.additional_properties = d
        return parsed

    @property
    def additional_keys(self) -> list[str]:
        """The names of the fields that the document does not list."""
        return list(self.additional_properties)

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
