"""What the endpoint modules take and give."""

from collections.abc import Callable, Mapping
from typing import Any, Generic, Literal, Protocol, TypeVar
from urllib.parse import quote

from attrs import define, field, frozen

from .errors import InvalidBodyError


class Unset:
    """The type of UNSET: left out, which is not the same as null."""

    def __bool__(self) -> Literal[False]:
        return False

    def __repr__(self) -> str:
        return "UNSET"

    def __reduce__(self) -> str:
        return "UNSET"


UNSET: Unset = Unset()

T = TypeVar("T")


@frozen(kw_only=True)
class Request:
    """A request as an endpoint module builds it: plain data, not bound to any HTTP library."""

    operation_id: str
    method: str
    path_template: str
    path: str
    params: Mapping[str, Any] = field(factory=dict)
    headers: Mapping[str, str] = field(factory=dict)
    json: Any = field(default=UNSET, repr=False)


class RawResponse(Protocol):
    """What an endpoint module reads of an answer. httpx.Response is one."""

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
    """An answer: as it came, and parsed."""

    status_code: int
    content: bytes
    headers: Mapping[str, str]
    parsed: T | None


def is_json(response: RawResponse) -> bool:
    """Whether the body says that it is JSON."""
    return "json" in response.headers.get("Content-Type", "")


def path_segment(value: object) -> str:
    """Encode one segment of a path.

    Raises:
        ValueError: It is empty, "." or "..", which no encoding keeps inside the path.
    """
    text = str(value)
    if text in {"", ".", ".."}:
        raise ValueError(f"{text!r} can't be a segment of a path")
    return quote(text, safe="@")


def decode_list(items: object, decode: Callable[[Any], T]) -> list[T]:
    """Decode each item; a failure names the item's index."""
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


__all__ = ["UNSET", "RawResponse", "Request", "Response", "Unset", "decode_list", "is_json", "path_segment"]
