from collections.abc import Mapping
from typing import Any, Self

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..errors import InvalidBodyError
from ..types import (
    pydantic_schema,
)


@_attrs_define
class CallToolError:
    """Why a tool was not called, or an error of the framework (`type`, `code`, `attr`).

    Attributes:
        detail: The error in words.
        reason: `needs_approval`, `disabled`, `removed` or `upstream_error`.
        additional_properties: Fields that this version does not know, as received.
    """

    detail: None | str = None
    reason: None | str = None
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object; fields that are UNSET are left out."""
        detail: None | str
        detail = self.detail
        reason: None | str
        reason = self.reason
        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "detail": detail,
                "reason": reason,
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
            detail = d.pop("detail", None)
            if detail is not None:
                if not isinstance(detail, str):
                    raise TypeError(f"expected str, not {type(detail).__name__}")

            reason = d.pop("reason", None)
            if reason is not None:
                if not isinstance(reason, str):
                    raise TypeError(f"expected str, not {type(reason).__name__}")

        except (AttributeError, KeyError, TypeError, ValueError) as error:
            fields = (
                "detail",
                "reason",
            )
            raise InvalidBodyError.locate(error, fields, src_dict, d) from error
        parsed = cls(detail, reason)
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
