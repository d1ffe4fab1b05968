from collections.abc import Mapping
from typing import Any, Self

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..errors import InvalidBodyError


@_attrs_define
class ErrorResponse:
    """Every JSON error of the service: `type`, `code`, `detail`, `attr` from the framework, `detail` alone from
    a view, `error` alone from the proxy. Tell them apart by what is there, and branch on the status, never on
    `type`: 403 answers carry `authentication_error` too."""

    type_: None | str = None
    """The family of the error, such as `validation_error`."""

    code: None | str = None
    """The error within its family."""

    detail: None | str = None
    """The error in words."""

    attr: None | str = None
    """The field at fault; nested names are joined by two underscores."""

    error: None | str = None
    """The proxy's own words."""

    error_event_id: None | str = None
    """The service's own record of an unexpected failure, to quote to its support."""

    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)
    """Fields that the document does not list, as received."""

    def to_dict(self) -> dict[str, Any]:
        """The JSON object; fields that are UNSET are left out."""
        type_: None | str
        type_ = self.type_
        code: None | str
        code = self.code
        detail: None | str
        detail = self.detail
        attr: None | str
        attr = self.attr
        error: None | str
        error = self.error
        error_event_id: None | str
        error_event_id = self.error_event_id
        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "type": type_,
                "code": code,
                "detail": detail,
                "attr": attr,
                "error": error,
                "error_event_id": error_event_id,
            }
        )
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
            type_ = d.pop("type", None)
            if type_ is not None:
                if not isinstance(type_, str):
                    raise TypeError(f"expected str, not {type(type_).__name__}")

            code = d.pop("code", None)
            if code is not None:
                if not isinstance(code, str):
                    raise TypeError(f"expected str, not {type(code).__name__}")

            detail = d.pop("detail", None)
            if detail is not None:
                if not isinstance(detail, str):
                    raise TypeError(f"expected str, not {type(detail).__name__}")

            attr = d.pop("attr", None)
            if attr is not None:
                if not isinstance(attr, str):
                    raise TypeError(f"expected str, not {type(attr).__name__}")

            error = d.pop("error", None)
            if error is not None:
                if not isinstance(error, str):
                    raise TypeError(f"expected str, not {type(error).__name__}")

            error_event_id = d.pop("error_event_id", None)
            if error_event_id is not None:
                if not isinstance(error_event_id, str):
                    raise TypeError(f"expected str, not {type(error_event_id).__name__}")

        except (AttributeError, KeyError, TypeError, ValueError) as error:
            fields = (
                "type",
                "code",
                "detail",
                "attr",
                "error",
                "error_event_id",
            )
            raise InvalidBodyError.locate(error, fields, src_dict, d) from error
        parsed = cls(type_, code, detail, attr, error, error_event_id)
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
