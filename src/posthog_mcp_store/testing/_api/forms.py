"""The fields that each operation accepts, in the service's order (docs/service.md, section 5)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from .._framework.errors import invalid, view_error
from .._framework.fields import Field, boolean, choice, text, url, uuid, validate
from .._model.urls import is_allowed_callback

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
_AUTHORIZE_SERVER = [Field("server_id", uuid, required=True), *_FLOW]
_AUTHORIZE_INSTALLATION = [
    Field("template_id", uuid, default=None),
    Field("installation_id", uuid, default=None),
    *_FLOW,
]
# Without a length check, although the database columns are limited.
_UPDATE = [Field("display_name", text()), Field("description", text()), Field("is_enabled", boolean)]
_CREATE = [
    Field("server_id", uuid),
    Field("display_name", text(max_length=200)),
    Field("url", url(max_length=2048), required=True),
    Field("description", text()),
    Field("auth_type", _AUTH_TYPE),
    Field("is_enabled", boolean),
]


@dataclass(frozen=True, kw_only=True)
class FlowForm:
    """The fields common to all forms that start an OAuth flow."""

    install_source: str
    posthog_code_callback_url: str

    def callback_is_fine(self, *, development: bool) -> bool:
        callback = self.posthog_code_callback_url
        return not callback or is_allowed_callback(callback, development=development)


@dataclass(frozen=True, kw_only=True)
class InstallCustomForm(FlowForm):
    name: str
    url: str
    auth_type: str
    api_key: str
    description: str


@dataclass(frozen=True, kw_only=True)
class AuthorizeServerForm(FlowForm):
    server_id: UUID


@dataclass(frozen=True, kw_only=True)
class AuthorizeInstallationForm(FlowForm):
    template_id: UUID | None
    installation_id: UUID | None


def read_install_custom(data: object, *, development: bool) -> InstallCustomForm:
    form = InstallCustomForm(**validate(data, _INSTALL_CUSTOM))
    if not form.callback_is_fine(development=development):
        raise invalid("posthog_code_callback_url", "invalid_input", "Invalid callback URL")
    return form


def read_authorize_server(query: Mapping[str, str], *, development: bool) -> AuthorizeServerForm:
    # In a query, an empty optional parameter counts as missing.
    given = {name: value for name, value in query.items() if value or name == "server_id"}
    form = AuthorizeServerForm(**validate(given, _AUTHORIZE_SERVER))
    _require_fine_callback(form, development=development)
    return form


def read_authorize_installation(query: Mapping[str, str], *, development: bool) -> AuthorizeInstallationForm:
    given = {name: value for name, value in query.items() if value}
    form = AuthorizeInstallationForm(**validate(given, _AUTHORIZE_INSTALLATION))
    if (form.template_id is None) == (form.installation_id is None):
        raise invalid(None, "invalid_input", "Pass exactly one of template_id or installation_id")
    _require_fine_callback(form, development=development)
    return form


def _require_fine_callback(form: FlowForm, *, development: bool) -> None:
    if not form.callback_is_fine(development=development):
        raise view_error(400, "Invalid callback URL")


def read_update(data: object) -> dict[str, Any]:
    return validate(data, _UPDATE)


def read_create(data: object) -> dict[str, Any]:
    return validate(data, _CREATE)
