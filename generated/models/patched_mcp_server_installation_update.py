from collections.abc import Mapping
from typing import Any, Self

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..errors import InvalidBodyError
from ..types import (
    UNSET,
    Unset,
)


@_attrs_define
class PatchedMCPServerInstallationUpdate:
    """The fields to change; all others stay as they are.

    Attributes:
        display_name: The user's own name for it. If it is empty, `name` falls back to the template's
            name.
        description: The user's description.
        is_enabled: Whether the proxy accepts calls for it.
        additional_properties: Fields that this version does not know, as received.
    """

    display_name: str | Unset = UNSET
    description: str | Unset = UNSET
    is_enabled: bool | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object; fields that are UNSET are left out."""
        display_name = self.display_name
        description = self.description
        is_enabled = self.is_enabled
        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        if display_name is not UNSET:
            field_dict["display_name"] = display_name
        if description is not UNSET:
            field_dict["description"] = description
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
            display_name = d.pop("display_name", UNSET)
            if display_name is not UNSET:
                if not isinstance(display_name, str):
                    raise TypeError(f"expected str, not {type(display_name).__name__}")

            description = d.pop("description", UNSET)
            if description is not UNSET:
                if not isinstance(description, str):
                    raise TypeError(f"expected str, not {type(description).__name__}")

            is_enabled = d.pop("is_enabled", UNSET)
            if is_enabled is not UNSET:
                if not isinstance(is_enabled, bool):
                    raise TypeError(f"expected bool, not {type(is_enabled).__name__}")

        except (AttributeError, KeyError, TypeError, ValueError) as error:
            fields = (
                "display_name",
                "description",
                "is_enabled",
            )
            raise InvalidBodyError.locate(error, fields, src_dict, d) from error
        parsed = cls(display_name, description, is_enabled)
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
