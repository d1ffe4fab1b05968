from collections.abc import Mapping
from typing import Any, Self

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..errors import InvalidBodyError
from ..models.installation import Installation
from ..types import (
    decode_list,
    pydantic_schema,
)


@_attrs_define
class PaginatedMCPServerInstallationList:
    """One page of installations.

    Attributes:
        count: The number of all installations at the time of the response.
        results: The installations, newest first.
        next_: The next page, or null on the last one. Use only its offset: its host may differ from
            yours.
        previous: The previous page, or null on the first one.
        additional_properties: Fields that this version does not know, as received.
    """

    count: int
    results: list[Installation]
    next_: None | str = None
    previous: None | str = None
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object; fields that are UNSET are left out."""
        count = self.count
        results = []
        for results_item_data in self.results:
            results_item = results_item_data.to_dict()
            results.append(results_item)

        next_: None | str
        next_ = self.next_
        previous: None | str
        previous = self.previous
        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "count": count,
                "results": results,
                "next": next_,
                "previous": previous,
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
            count = d.pop("count")
            if not isinstance(count, int) or isinstance(count, bool):
                raise TypeError(f"expected int, not {type(count).__name__}")
            results = d.pop("results")
            results = decode_list(results, Installation.from_dict)
            next_ = d.pop("next", None)
            if next_ is not None:
                if not isinstance(next_, str):
                    raise TypeError(f"expected str, not {type(next_).__name__}")

            previous = d.pop("previous", None)
            if previous is not None:
                if not isinstance(previous, str):
                    raise TypeError(f"expected str, not {type(previous).__name__}")

        except (AttributeError, KeyError, TypeError, ValueError) as error:
            fields = (
                "count",
                "results",
                "next",
                "previous",
            )
            raise InvalidBodyError.locate(error, fields, src_dict, d) from error
        parsed = cls(count, results, next_, previous)
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
