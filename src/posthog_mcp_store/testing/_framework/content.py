"""Content negotiation and JSON bodies, as in the service's framework (docs/service.md, section 2.1)."""

import json
from typing import NoReturn

from .errors import not_acceptable, not_found, parse_error, unsupported_media_type

_ACCEPTABLE = {"*/*", "application/*", "application/json"}


def require_json_acceptable(accept: str | None, format_: str | None) -> None:
    """Refuse a request that does not accept a JSON response. Quality values are ignored."""
    if format_ and format_ != "json":
        raise not_found()
    if accept is not None and _ACCEPTABLE.isdisjoint(_media_type(each) for each in accept.split(",")):
        raise not_acceptable()


def parse_json(content_type: str, body: bytes) -> object:
    """Decode a request body. A missing body counts as an empty object, whatever its content type.

    Unlike the service, this does not accept form encodings, in which the service takes an `api_key` field for a project
    token (docs/service.md, section 9): clients have no use for them.
    """
    if not body:
        return {}
    if _media_type(content_type) != "application/json":
        raise unsupported_media_type(content_type)
    try:
        return json.loads(body.decode(), parse_constant=_refuse_constant)
    except ValueError as error:
        raise parse_error(error) from error


def _media_type(header: str) -> str:
    return header.partition(";")[0].strip().lower()


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"Out of range float values are not JSON compliant: {name!r}")
