"""Types and decoders of the endpoint modules."""

from collections.abc import Callable, Mapping
from enum import Enum
from importlib import import_module
from typing import Any, Generic, Literal, Protocol, TypeVar, get_type_hints
from urllib.parse import quote
from uuid import UUID, SafeUUID

from attrs import NOTHING, define, field, fields, frozen

from .errors import InvalidBodyError


class Unset:
    """The type of UNSET: omitted, which is different from null."""

    def __bool__(self) -> Literal[False]:
        return False

    def __repr__(self) -> str:
        return "UNSET"

    def __reduce__(self) -> str:
        return "UNSET"


UNSET: Unset = Unset()

T = TypeVar("T")
E = TypeVar("E", bound=Enum)


@frozen(kw_only=True)
class Request:
    """A request as plain data, independent of any HTTP library."""

    operation_id: str
    method: str
    path_template: str
    path: str
    params: Mapping[str, Any] = field(factory=dict)
    headers: Mapping[str, str] = field(factory=dict)
    json: Any = field(default=UNSET, repr=False)


class RawResponse(Protocol):
    """The attributes of a response that an endpoint module reads. httpx.Response has them."""

    @property
    def status_code(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def content(self) -> bytes: ...
    @property
    def text(self) -> str: ...
    def json(self) -> Any: ...


@define
class Response(Generic[T]):
    """A response, raw and parsed."""

    status_code: int
    content: bytes
    headers: Mapping[str, str]
    parsed: T | None


def is_json(response: RawResponse) -> bool:
    """Whether the Content-Type is JSON."""
    return "json" in response.headers.get("Content-Type", "")


def path_segment(value: object) -> str:
    """Encode one segment of a path.

    Raises:
        ValueError: It is empty, "." or "..", which no encoding protects from being resolved.
    """
    text = str(value)
    if text in {"", ".", ".."}:
        raise ValueError(f"{text!r} can't be a segment of a path")
    return quote(text, safe="@")


_uuid: Any = UUID  # the type checker does not know its slots
_UNKNOWN = SafeUUID.unknown
# UUID has these slots in Python 3.11 to 3.14; without them decode_uuid() calls UUID().
_SLOTTED = {"int", "is_safe"} <= set(getattr(UUID, "__slots__", ()))
_new_uuid: Any = UUID.__new__
_set_int: Any = _uuid.int.__set__ if _SLOTTED else None
_set_is_safe: Any = _uuid.is_safe.__set__ if _SLOTTED else None


def decode_uuid(text: object) -> UUID:
    """`UUID(text)` in half the time, for the same texts."""
    if not isinstance(text, str):
        raise TypeError(f"expected str, not {type(text).__name__}")
    # UUID() strips "urn:", "uuid:", braces and then hyphens, requires that 32 characters remain, and passes them to
    # int(). If a text has 32 characters besides hyphens, then either UUID() strips nothing else, or too few remain, and
    # int() rejects all that it would strip. So int() accepts the same texts. Every other text is left to UUID().
    digits = text.replace("-", "")
    if len(digits) != 32 or not _SLOTTED:
        return UUID(text)
    made: UUID = _new_uuid(UUID)
    _set_int(made, int(digits, 16))
    _set_is_safe(made, _UNKNOWN)
    return made


def decode_open_enum(members: type[E], text: object) -> E | str:
    """The member with this value, or the text itself if the document does not list it."""
    if not isinstance(text, str):
        raise TypeError(f"expected str, not {type(text).__name__}")
    # A lookup, because calling the enum takes five times as long, and far longer if it fails.
    known: Mapping[str, E] = members._value2member_map_  # type: ignore[assignment]  # typeshed does not know which enum
    return known.get(text, text)


def decode_list(items: object, decode: Callable[[Any], T]) -> list[T]:
    """Decode each item; an error has the index of the item."""
    if not isinstance(items, list):
        raise TypeError(f"expected list, not {type(items).__name__}")
    decoded: list[T] = []
    try:
        for item in items:
            decoded.append(decode(item))
    except InvalidBodyError as error:
        raise error.within(f"[{len(decoded)}]") from error
    except (AttributeError, TypeError, ValueError) as error:
        raise InvalidBodyError(f"[{len(decoded)}]", str(error)) from error
    return decoded


def pydantic_schema(model: Any, schema_of: Callable[[Any], Any]) -> Any:
    """How pydantic reads a model, or its JSON object, and writes it as JSON."""
    # By name, so that type checkers do not look for it where it is not installed.
    core_schema: Any = import_module("pydantic_core.core_schema")

    def read(value: object) -> object:
        try:
            return value if isinstance(value, model) else model.from_dict(value)
        except TypeError as error:
            raise ValueError(str(error)) from error

    def write(value: Any) -> dict[str, Any]:
        own = {name: getattr(value, name) for name in declared}
        return {
            **value.additional_properties,
            **{name: each for name, each in own.items() if each is not UNSET},
        }

    hints = get_type_hints(model)
    declared = {each.name: each for each in fields(model) if each.init}
    as_object = core_schema.typed_dict_schema(
        {
            name: core_schema.typed_dict_field(schema_of(hints[name]), required=each.default is NOTHING)
            for name, each in declared.items()
        },
        cls_name=model.__name__,
        extra_behavior="allow",
    )
    return core_schema.no_info_plain_validator_function(
        read,
        json_schema_input_schema=as_object,
        serialization=core_schema.plain_serializer_function_ser_schema(
            write, return_schema=as_object, when_used="json"
        ),
    )


__all__ = [
    "UNSET",
    "RawResponse",
    "Request",
    "Response",
    "Unset",
    "decode_list",
    "decode_open_enum",
    "decode_uuid",
    "is_json",
    "path_segment",
    "pydantic_schema",
]
