"""The fields that each operation accepts, in the service's order (docs/service.md, sections 5 and 10)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from .._framework.errors import invalid, view_error
from .._framework.fields import Field, FieldError, any_json, boolean, choice, text, url, uuid, validate
from .._model.installations import InstallationScope
from .._model.records import ServiceVersion
from .._model.tools import ApprovalState
from .._model.urls import is_allowed_callback

_AUTH_TYPE = choice("api_key", "oauth")
_INSTALL_SOURCE = Field("install_source", choice("posthog", "posthog-code"), default="posthog")
_RETURN_PATH = Field("return_path", text(), default="")
_SERVER = [
    Field("name", text(blank=False, max_length=200), required=True),
    Field("url", url(max_length=2048), required=True),
    Field("auth_type", _AUTH_TYPE, required=True),
    Field("api_key", text(), default=""),
    Field("description", text(), default=""),
]
_OWN_CLIENT = [Field("client_id", text(), default=""), Field("client_secret", text(), default="")]
_TEMPLATE = [Field("template_id", uuid, required=True), Field("api_key", text(), default="")]
_TEAM_OPTIONS = [
    Field("scope", choice("personal", "shared"), default="personal"),
    Field("team_enabled", boolean, default=True),
    Field("agent_scope", choice("personal", "team")),
    _RETURN_PATH,
]
# The service checks callbacks only after all other fields of `authorize`.
_FLOW_QUERY = [_INSTALL_SOURCE, Field("posthog_code_callback_url", text(), default="")]
_AUTHORIZE_SERVER = [Field("server_id", uuid, required=True), *_FLOW_QUERY]
_AUTHORIZE_INSTALLATION = [
    Field("template_id", uuid, default=None),
    Field("installation_id", uuid, default=None),
    *_FLOW_QUERY,
    _RETURN_PATH,
]
# Without a length check, although the database columns are limited.
_UPDATE = [Field("display_name", text()), Field("description", text()), Field("is_enabled", boolean)]
_CREATE = [
    Field("display_name", text(max_length=200)),
    Field("url", url(max_length=2048), required=True),
    Field("description", text()),
    Field("auth_type", _AUTH_TYPE),
    Field("is_enabled", boolean),
]
_UPDATE_TOOL = [Field("approval_state", choice("approved", "needs_approval", "do_not_use"), required=True)]
_CALL_TOOL = [
    Field("tool_name", text(blank=False, max_length=200), required=True),
    Field("arguments", any_json, default=None),
]


@dataclass(frozen=True, kw_only=True)
class FlowForm:
    """The fields common to all forms that start an OAuth flow."""

    install_source: str
    posthog_code_callback_url: str
    return_path: str = ""


@dataclass(frozen=True, kw_only=True)
class InstallForm(FlowForm):
    """The fields common to both ways of installing. Version 2026-04 has only the first."""

    api_key: str
    scope: InstallationScope = "personal"
    team_enabled: bool = True
    agent_scope: str | None = None


@dataclass(frozen=True, kw_only=True)
class InstallCustomForm(InstallForm):
    name: str
    url: str
    auth_type: str
    description: str
    client_id: str = ""
    client_secret: str = ""


@dataclass(frozen=True, kw_only=True)
class InstallTemplateForm(InstallForm):
    template_id: UUID


@dataclass(frozen=True, kw_only=True)
class AuthorizeServerForm(FlowForm):
    server_id: UUID


@dataclass(frozen=True, kw_only=True)
class AuthorizeInstallationForm(FlowForm):
    template_id: UUID | None
    installation_id: UUID | None


@dataclass(frozen=True, kw_only=True)
class CallToolForm:
    tool_name: str
    arguments: object


def read_install_custom(data: object, *, version: ServiceVersion, development: bool) -> InstallCustomForm:
    flow = [_INSTALL_SOURCE, _callback(development=development)]
    if version < "2026-09":
        return InstallCustomForm(**validate(data, [*_SERVER, *flow]))
    return InstallCustomForm(**validate(data, [*_SERVER, *_OWN_CLIENT, *flow, *_TEAM_OPTIONS]))


def read_install_template(data: object, *, development: bool) -> InstallTemplateForm:
    fields = [*_TEMPLATE, _INSTALL_SOURCE, _callback(development=development), *_TEAM_OPTIONS]
    return InstallTemplateForm(**validate(data, fields))


def _callback(*, development: bool) -> Field:
    clean_text = text()

    def clean(value: object) -> str:
        cleaned = clean_text(value)
        if not _is_fine(cleaned, development=development):
            raise FieldError("invalid_input", "Invalid callback URL")
        return cleaned

    return Field("posthog_code_callback_url", clean, default="")


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
    if not _is_fine(form.posthog_code_callback_url, development=development):
        raise view_error(400, "Invalid callback URL")


def _is_fine(callback: str, *, development: bool) -> bool:
    return not callback or is_allowed_callback(callback, development=development)


def read_update(data: object) -> dict[str, Any]:
    return validate(data, _UPDATE)


def read_create(data: object, *, version: ServiceVersion) -> dict[str, Any]:
    return validate(data, [Field("server_id", uuid), *_CREATE] if version < "2026-09" else _CREATE)


def read_update_tool(data: object) -> ApprovalState:
    state: ApprovalState = validate(data, _UPDATE_TOOL)["approval_state"]
    return state


def read_call_tool(data: object) -> CallToolForm:
    return CallToolForm(**validate(data, _CALL_TOOL))
