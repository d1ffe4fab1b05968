"""What each operation takes, field by field in the service's own order (service facts, section 5)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ._errors import invalid, view_error
from ._fields import Field, boolean, choice, text, url, uuid, validate
from ._urls import is_allowed_callback

_AUTH_TYPE = choice("api_key", "oauth")
_FLOW = [
    Field("install_source", choice("posthog", "posthog-code"), default="posthog"),
    Field("posthog_code_callback_url", text(), default=""),
]
_INSTALL_CUSTOM = [
    Field("name", text(blank=False, max_length=200), required=True),
    Field("url", url(max_length=2048), required=True),
    Field("auth_type", _AUTH_TYPE, required=True),
    Field("api_key", text(), default=""),
    Field("description", text(), default=""),
    *_FLOW,
]
_AUTHORIZE = [Field("server_id", uuid, required=True), *_FLOW]
# Without a length check, unlike the columns behind it.
_UPDATE = [Field("display_name", text()), Field("description", text()), Field("is_enabled", boolean)]
_CREATE = [
    Field("server_id", uuid),
    Field("display_name", text(max_length=200)),
    Field("url", url(max_length=2048), required=True),
    Field("description", text()),
    Field("auth_type", _AUTH_TYPE),
    Field("is_enabled", boolean),
]


@dataclass(frozen=True)
class InstallCustomForm:
    name: str
    url: str
    auth_type: str
    api_key: str
    description: str
    install_source: str
    posthog_code_callback_url: str


@dataclass(frozen=True)
class AuthorizeForm:
    server_id: UUID
    install_source: str
    posthog_code_callback_url: str


def read_install_custom(data: object) -> InstallCustomForm:
    form = InstallCustomForm(**validate(data, _INSTALL_CUSTOM))
    if not _callback_is_fine(form):
        raise invalid("posthog_code_callback_url", "invalid_input", "Invalid callback URL")
    return form


def read_authorize(query: Mapping[str, str]) -> AuthorizeForm:
    # In a query, an optional parameter that is empty counts as not given.
    given = {name: value for name, value in query.items() if value or name == "server_id"}
    form = AuthorizeForm(**validate(given, _AUTHORIZE))
    if not _callback_is_fine(form):
        raise view_error(400, "Invalid callback URL")
    return form


def read_update(data: object) -> dict[str, Any]:
    return validate(data, _UPDATE)


def read_create(data: object) -> dict[str, Any]:
    return validate(data, _CREATE)


def _callback_is_fine(form: InstallCustomForm | AuthorizeForm) -> bool:
    callback = form.posthog_code_callback_url
    return not callback or is_allowed_callback(callback)
