from collections.abc import Mapping
from typing import Any, Self

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..errors import InvalidBodyError
from ..types import (
    pydantic_schema,
)


@_attrs_define
class ErrorResponse:
    """All JSON errors of the service: `type`, `code`, `detail` and `attr` from the framework, `detail` alone
    from a view, `error` alone from the proxy. Distinguish errors by their status, not by `type`: a 403 can
    have `authentication_error`, too.

    Attributes:
        type_: The kind of error, such as `validation_error`.
        code: The error within its kind, such as `required`.
        detail: The error in words.
        attr: The invalid field; nested names are joined by two underscores.
        error: The proxy's error in words.
        reason: `call_tool`: `needs_approval`, `disabled`, `removed` or `upstream_error`.
        error_event_id: The id of an unexpected failure, for PostHog's support.
        additional_properties: Fields that this version does not know, as received.
    """

    type_: None | str = None
    code: None | str = None
    detail: None | str = None
    attr: None | str = None
    error: None | str = None
    reason: None | str = None
    error_event_id: None | str = None
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

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
        reason: None | str
        reason = self.reason
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
                "reason": reason,
                "error_event_id": error_event_id,
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

            reason = d.pop("reason", None)
            if reason is not None:
                if not isinstance(reason, str):
                    raise TypeError(f"expected str, not {type(reason).__name__}")

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
                "reason",
                "error_event_id",
            )
            raise InvalidBodyError.locate(error, fields, src_dict, d) from error
        parsed = cls(type_, code, detail, attr, error, reason, error_event_id)
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
