"""Validation of request fields, with the framework's messages, first error only (docs/service.md, section 2.1). Pure.

A cleaner is called with a value as it was sent, and returns the value to store or raises FieldError.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from .._model.urls import is_url, refusal
from .errors import invalid

_OMIT = object()
_TRUE = {True, "t", "y", "yes", "true", "on", "1"}
_FALSE = {False, "f", "n", "no", "false", "off", "0"}


class FieldError(Exception):
    """A value that its field does not accept. The caller adds the name of the field."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail


@dataclass(frozen=True)
class Field:
    """One key of a request. Without a default, an optional key that was not sent is omitted from the result."""

    name: str
    clean: Callable[[object], object]
    required: bool = False
    default: object = _OMIT


def validate(data: object, fields: Sequence[Field]) -> dict[str, Any]:
    """The cleaned values of the fields; other keys are ignored."""
    if data is None:
        raise invalid(None, "null", "No data provided")
    if not isinstance(data, Mapping):
        found = type(data).__name__
        raise invalid(None, "invalid_input", f"Invalid data. Expected a dictionary, but got {found}.")
    cleaned = {field.name: _cleaned(field, data) for field in fields}
    return {name: value for name, value in cleaned.items() if value is not _OMIT}


def _cleaned(field: Field, data: Mapping[str, object]) -> object:
    if field.name not in data:
        if field.required:
            raise invalid(field.name, "required", "This field is required.")
        return field.default
    if data[field.name] is None:
        raise invalid(field.name, "null", "This field may not be null.")
    try:
        return field.clean(data[field.name])
    except FieldError as error:
        raise invalid(field.name, error.code, error.detail) from error


def text(*, blank: bool = True, max_length: int | None = None) -> Callable[[object], str]:
    """Text, with leading and trailing white space stripped. Numbers are converted to text."""

    def clean(value: object) -> str:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise FieldError("invalid_input", "Not a valid string.")
        stripped = str(value).strip()
        if not blank and not stripped:
            raise FieldError("blank", "This field may not be blank.")
        if max_length is not None and len(stripped) > max_length:
            raise FieldError("max_length", f"Ensure this field has no more than {max_length} characters.")
        _refuse_unstorable(stripped)
        return stripped

    return clean


def _refuse_unstorable(value: str) -> None:
    if "\x00" in value:
        raise FieldError("null_characters_not_allowed", "Null characters are not allowed.")
    surrogate = next((char for char in value if 0xD800 <= ord(char) <= 0xDFFF), None)
    if surrogate is not None:
        detail = f"Surrogate characters are not allowed: U+{ord(surrogate):X}."
        raise FieldError("surrogate_characters_not_allowed", detail)


def url(*, max_length: int) -> Callable[[object], str]:
    """A URL of a server that the service may contact. It is not normalized."""
    clean_text = text(blank=False, max_length=max_length)

    def clean(value: object) -> str:
        cleaned = clean_text(value)
        if not is_url(cleaned):
            raise FieldError("invalid_input", "Enter a valid URL.")
        reason = refusal(cleaned)
        if reason is not None:
            raise FieldError("invalid_input", f"URL not allowed: {reason}")
        return cleaned

    return clean


def choice(*options: str) -> Callable[[object], str]:
    def clean(value: object) -> str:
        if str(value) not in options:
            raise FieldError("invalid_choice", f'"{value}" is not a valid choice.')
        return str(value)

    return clean


def boolean(value: object) -> bool:
    """A boolean, or one of the words and numbers that the framework accepts as one."""
    word = value.strip().lower() if isinstance(value, str) else value
    if isinstance(word, str | int | float) and word in _TRUE | _FALSE:
        return word in _TRUE
    raise FieldError("invalid_input", "Must be a valid boolean.")


def uuid(value: object) -> UUID:
    try:
        return UUID(str(value))
    except ValueError as error:
        raise FieldError("invalid_input", "Must be a valid UUID.") from error


def any_json(value: object) -> object:
    return value
