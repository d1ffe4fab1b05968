"""Validation of arguments: each function returns the value in the form the SDK uses, or raises ConfigurationError."""

import json
import re
from collections.abc import Mapping, Sequence
from inspect import iscoroutinefunction
from typing import TypeVar
from uuid import UUID

from . import defaults
from .errors import ConfigurationError
from .secret import Secret
from .text import json_fault, short_repr

API_KEY_VARIABLE = "POSTHOG_PERSONAL_API_KEY"
PROJECT_KEYS = {"phc_": "token for sending events (phc_...)", "phs_": "secret key (phs_...)"}
HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
"""A token (RFC 9110, section 5.6.2)."""
HEADER_VALUE = re.compile(r"([!-~]([\t -~]*[!-~])?)?")
UNSETTABLE_HEADERS = {"connection", "content-length", "content-type", "cookie", "host", "transfer-encoding"}
SESSION_ID = re.compile(r"[!-~]+")
"""Visible ASCII (MCP, streamable HTTP, session management)."""
MAX_TOOL_NAME_LENGTH = 200
SURROGATES = re.compile("[\ud800-\udfff]")
"""Halves of characters, which UTF-8 can't encode."""
RETURN_PATH = re.compile(r"/(?!/)[^:?\\\s]*(\?\S*)?")
UNREACHABLE_TOOLS = {".", "..", "refresh"}
"""Dots are removed from paths, and `refresh` is another operation."""
UUID_TEXT = re.compile(r"[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")
MAX_INTEGER = 2**31 - 1
MAX_SECONDS = 1e9

T = TypeVar("T")


def uuid(value: object, name: str) -> UUID:
    """A UUID or its string form. Any other text could lead to another path."""
    if isinstance(value, UUID):
        return value
    # UUID() accepts white space, signs and digits of any script, and turns some of these into another id.
    if not isinstance(value, str) or not UUID_TEXT.fullmatch(value):
        raise ConfigurationError(f"{name} must be a UUID or its string form, not {short_repr(value)}")
    return UUID(value)


def project_id(value: object) -> str:
    """A project's numeric id, or `@current` (docs/service.md, section 1)."""
    text = short_repr(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not re.fullmatch(r"[0-9]{1,20}|@current", text):
        raise ConfigurationError(f"project_id must be a number or {defaults.PROJECT_ID!r}, not {short_repr(value)}")
    return text


def api_key(value: object) -> Secret:
    """A key that is valid in a header. Error messages never show it."""
    if not isinstance(value, Secret) or not value.reveal():
        raise ConfigurationError(f"no API key: pass api_key= or set {API_KEY_VARIABLE}")
    if not re.fullmatch(r"[!-~]+", value.reveal()):
        raise ConfigurationError(
            f"the API key has whitespace, control or non-ASCII characters in it: check api_key= or {API_KEY_VARIABLE}"
        )
    if kind := PROJECT_KEYS.get(value.reveal()[:4]):
        raise ConfigurationError(
            f"the API key is a project's {kind}, which identifies no user: pass a personal API key (phx_...) with "
            f"api_key= or {API_KEY_VARIABLE}"
        )
    return value


def extra_headers(values: Mapping[str, str] | None) -> dict[str, str]:
    """Headers to send with every request, in addition to the SDK's own."""
    if values is not None and not isinstance(values, Mapping):
        raise ConfigurationError(f"headers must be a mapping of names to values, not {short_repr(values)}")
    for name, value in (values or {}).items():
        if not isinstance(name, str) or not HEADER_NAME.fullmatch(name):
            raise ConfigurationError(f"{short_repr(name)} is not the name of a header")
        if not isinstance(value, str) or not HEADER_VALUE.fullmatch(value):
            raise ConfigurationError(f"header {name} must be ASCII without control characters or spaces around it")
        if name.lower() == "authorization":
            raise ConfigurationError("the Authorization header is made from api_key= and can't be set")
        if name.lower() in UNSETTABLE_HEADERS:
            raise ConfigurationError(f"header {name} belongs to the request itself and can't be set")
    return {name.lower(): value for name, value in (values or {}).items()}


def session_id(value: object) -> str | None:
    """The id of an MCP session, as assigned by the server."""
    if value is not None and not (isinstance(value, str) and SESSION_ID.fullmatch(value)):
        raise ConfigurationError(f"session_id must be visible ASCII text without spaces, not {short_repr(value)}")
    return value


def callback(value: T | None, name: str) -> T | None:
    """A plain function. The coroutine of an async one would never be awaited."""
    if value is not None and (not callable(value) or iscoroutinefunction(value)):
        raise ConfigurationError(f"{name} must be a plain function, not {short_repr(value)}")
    return value


def seconds(value: object, name: str) -> float:
    """A positive number of seconds."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= MAX_SECONDS:
        raise ConfigurationError(f"{name} must be a number of seconds above zero, not {short_repr(value)}")
    return float(value)


def one_of(choices: Sequence[T], value: object, name: str) -> T:
    """One of the given choices."""
    for choice in choices:
        if value == choice:
            return choice
    *others, last = map(repr, choices)
    raise ConfigurationError(f"{name} must be {', '.join(others)} or {last}, not {short_repr(value)}")


def at_least(minimum: int, value: object, name: str) -> int:
    """A whole number, at least `minimum` and not beyond the size of any list."""
    if isinstance(value, bool) or not isinstance(value, int) or not minimum <= value <= MAX_INTEGER:
        raise ConfigurationError(f"{name} must be a whole number, {minimum} or more, not {short_repr(value)}")
    return value


def text(value: object, name: str) -> str:
    """A string, for values that the SDK itself reads. The service validates all others."""
    if not isinstance(value, str):
        raise ConfigurationError(f"{name} must be text, not {short_repr(value)}")
    return value


def exactly_one(names: Sequence[str], given: Sequence[str]) -> None:
    """Alternative arguments, of which one must be given."""
    if len(given) != 1:
        alternatives = f"{', '.join(names[:-1])} and {names[-1]}"
        raise ConfigurationError(f"pass exactly one of {alternatives}, not {' and '.join(given) or 'none'}")


def tool_name(value: object, name: str) -> str:
    """The name of a tool, as its MCP server gives it."""
    tool = text(value, name)
    if not tool or SURROGATES.search(tool):
        raise ConfigurationError(f"{name} must be text that is not empty, not {short_repr(value)}")
    return at_most(MAX_TOOL_NAME_LENGTH, tool, name)


def called_tool(value: object, name: str) -> str:
    """The name of a tool in a body. The service strips it, and would call another tool."""
    tool = tool_name(value, name)
    if tool != tool.strip():
        raise ConfigurationError(f"{name} {short_repr(tool)} can't be called: the service strips spaces from names")
    return tool


def return_path(value: object, name: str) -> None:
    """A path of PostHog's web application. The service ignores any other text (docs/service.md, section 6)."""
    if not isinstance(value, str) or not RETURN_PATH.fullmatch(value):
        raise ConfigurationError(f"{name} must be a path such as '/project/1/settings', not {short_repr(value)}")


def tool_segment(value: object, name: str) -> str:
    """The name of a tool as part of a path, where the service can't reach some (docs/service.md, section 10)."""
    tool = tool_name(value, name)
    if "/" in tool or tool in UNREACHABLE_TOOLS:
        raise ConfigurationError(
            f"{name} {short_repr(tool)} can't be updated: the service's URLs can't express this name"
        )
    return tool


def json_object(value: object, name: str) -> Mapping[str, object]:
    """A JSON object. Python would silently turn keys of other types into text."""
    remaining: list[object] = [value]
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"{name} must be a mapping, not {short_repr(value)}")
    json_body(value)
    while remaining:
        part = remaining.pop()
        if isinstance(part, Mapping):
            if others := [key for key in part if not isinstance(key, str)]:
                raise ConfigurationError(f"{name} must have text as keys, not {short_repr(others[0])}")
            remaining.extend(part.values())
        elif isinstance(part, list | tuple):
            remaining.extend(part)
    return value


def at_most(maximum: int, value: str, name: str) -> str:
    """A string of at most `maximum` characters."""
    if len(value) > maximum:
        raise ConfigurationError(f"{name} must be {maximum} characters or less, not {len(value)}")
    return value


def refuse_none(values: Mapping[str, object]) -> None:
    """Reject None, since the service accepts null in no field: to leave a field unchanged, leave it out."""
    for name, value in values.items():
        if value is None:
            raise ConfigurationError(f"{name} can't be None: leave it out instead")


def json_body(value: object) -> bytes:
    """The value as JSON, to be sent."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        reason = json_fault(error)
    # Raised outside the except block, because the caught error may hold the whole text.
    raise ConfigurationError(f"the request can't be written as JSON: {reason}")
