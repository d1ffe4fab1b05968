"""Checks of what users hand in: each gives the value in the form the SDK uses, or raises ConfigurationError."""

import ipaddress
import json
import re
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit
from uuid import UUID

from ._errors import ConfigurationError
from ._secret import Secret

CURRENT_PROJECT = "@current"
API_KEY_VARIABLE = "POSTHOG_PERSONAL_API_KEY"
INGESTION_HOSTS = {"us.i.posthog.com": "https://us.posthog.com", "eu.i.posthog.com": "https://eu.posthog.com"}
HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
"""A token of RFC 9110, section 5.6.2."""
HEADER_VALUE = re.compile(r"[\t\x20-\x7e]*")


def uuid(value: object, name: str) -> UUID:
    """A UUID, or its text. Anything else could name another path."""
    if isinstance(value, UUID):
        return value
    try:
        return UUID(value)  # type: ignore[arg-type]  # what is no text fails here as it should
    except (AttributeError, TypeError, ValueError):
        raise ConfigurationError(f"{name} must be a UUID or its text, not {shown(value)}") from None


def project_id(value: object) -> str:
    """A project's numeric id, or `@current` (service facts, section 1)."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not re.fullmatch(r"[0-9]+|@current|[A-Za-z][A-Za-z0-9_-]*", text, re.ASCII):
        raise ConfigurationError(f"project_id must be a project's number or {CURRENT_PROJECT!r}, not {shown(value)}")
    return text


def api_key(value: object) -> Secret:
    """A key that can stand in a header. The message never shows it."""
    if not isinstance(value, str) or not value:
        raise ConfigurationError(f"no API key: pass api_key= or set {API_KEY_VARIABLE}")
    if not value.isascii() or not value.isprintable() or " " in value:
        raise ConfigurationError(
            f"the API key has whitespace, control or non-ASCII characters in it: check api_key= or {API_KEY_VARIABLE}"
        )
    return Secret(value)


def host(value: object, *, allow_insecure: bool) -> str:
    """The origin, with an optional path, under which the API is found; without a slash at its end."""
    readable = shown(without_user_info(value) if isinstance(value, str) else value)
    if not isinstance(value, str) or not re.fullmatch(r"[!-~]+", value):
        raise ConfigurationError(f"host must be a URL such as https://us.posthog.com, not {readable}")
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise ConfigurationError(f"host {readable} is not a URL: its address or port can't be read") from None
    if fault := host_fault(parts, allow_insecure=allow_insecure):
        raise ConfigurationError(f"host {readable} {fault}")
    name = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{name}{f':{port}' if port else ''}{parts.path.rstrip('/')}"


def host_fault(parts: SplitResult, *, allow_insecure: bool) -> str | None:
    """What is wrong with a host, in words that finish a sentence."""
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return "must start with https:// and name a host"
    if "@" in parts.netloc:
        return "must not hold a user name or password"
    if parts.query or parts.fragment or "\\" in parts.geturl():
        return "must not have a query, a fragment or a backslash"
    if re.search(r"(^|/)\.{1,2}(/|$)|%|//", parts.path):
        return "must not have dots, double slashes or percent signs in its path"
    if parts.hostname in INGESTION_HOSTS:
        return f"takes events only: use {INGESTION_HOSTS[parts.hostname]}"
    if parts.scheme == "http" and not allow_insecure and not is_loopback(parts.hostname):
        return "would send the API key unencrypted: use https://, or allow_insecure_host=True"
    return None


def is_loopback(hostname: str) -> bool:
    """Whether a host is this machine (RFC 6761, section 6.3 for the name)."""
    try:
        return ipaddress.ip_address(hostname).is_loopback
    except ValueError:
        return hostname == "localhost" or hostname.endswith(".localhost")


def extra_headers(values: Mapping[str, str] | None) -> dict[str, str]:
    """Headers to send with every request, besides the SDK's own."""
    headers = dict(values or {})
    for name, value in headers.items():
        if not isinstance(name, str) or not HEADER_NAME.fullmatch(name):
            raise ConfigurationError(f"{shown(name)} is not the name of a header")
        if not isinstance(value, str) or not HEADER_VALUE.fullmatch(value):
            raise ConfigurationError(f"the value of header {name} must be ASCII text without control characters")
        if name.lower() == "authorization":
            raise ConfigurationError("the Authorization header is made from api_key=, it can't be set")
    return headers


def seconds(value: float | None, name: str) -> float | None:
    """A time in seconds, above zero."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
        raise ConfigurationError(f"{name} must be a number of seconds above zero, not {shown(value)}")
    return float(value)


def at_least(minimum: int, value: object, name: str) -> int:
    """A whole number, no smaller than `minimum`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
        raise ConfigurationError(f"{name} must be a whole number, {minimum} or more, not {shown(value)}")
    return value


def at_most(maximum: int, value: str, name: str) -> str:
    """A text of no more than `maximum` characters."""
    if len(value) > maximum:
        raise ConfigurationError(f"{name} must be {maximum} characters or less, not {len(value)}")
    return value


def refuse_none(**values: object) -> None:
    """The service refuses null in every field of a request; what is to stay as it is, is left out."""
    for name, value in values.items():
        if value is None:
            raise ConfigurationError(f"{name} can't be None: leave it out instead")


def json_body(value: object) -> bytes:
    """The JSON to send."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigurationError(f"the request can't be written as JSON: {error}") from None


def shown(value: object) -> str:
    """A short form of a value in an error message."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:79]}…"


def without_user_info(url: str) -> str:
    """`url` without the part that may hold a password."""
    scheme, separator, rest = url.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"
