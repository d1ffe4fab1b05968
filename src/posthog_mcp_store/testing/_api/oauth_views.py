"""The operation `authorize`, which starts another OAuth flow (docs/service.md, sections 5 and 6)."""

from uuid import UUID

from starlette.responses import Response

from .._framework.endpoint import RequestContext
from .._framework.errors import view_error
from .._framework.responses import json_response
from .._model.installations import InstallationRecord
from .._model.records import OAuthServerRecord, TemplateRecord
from .._model.urls import refusal
from .forms import AuthorizeInstallationForm, read_authorize_installation, read_authorize_server
from .install_rules import require_enabled
from .install_views import template_row
from .registration import template_client
from .start_flow import start_flow

_NEVER_REGISTERED = "Installation is missing OAuth state — reinstall the server"


async def authorize_server(context: RequestContext) -> Response:
    """Start another flow with an OAuth server, even if the caller has no installation that uses it."""
    form = read_authorize_server(context.request.query_params, development=context.state.development)
    server = context.state.oauth_server(form.server_id)
    if server is None:
        raise view_error(404, "Server not found")
    rows = [row for row in context.state.rows(user=context.user, project_id=context.project_id) if row.server is server]
    row = min(rows, key=lambda row: row.id, default=None)
    return _redirect(start_flow(context, server, form, row))


async def authorize_installation(context: RequestContext) -> Response:
    """Start another flow for an installation, or for a template, which is installed if it is not yet."""
    form = read_authorize_installation(context.request.query_params, development=context.state.development)
    row = None if form.installation_id is None else _own_row(context, form.installation_id)
    if row is not None and row.template is None:
        return _started(context, _custom_client(context, row), form, row)
    template = _open_template(context, row.template.id if row is not None and row.template else form.template_id)
    if row is None:
        row = _personal_row(context, template)
    return _started(context, _client_for(row, template), form, row)


def _own_row(context: RequestContext, row_id: UUID) -> InstallationRecord:
    row = context.state.row(row_id, user=context.user, project_id=context.project_id)
    if row is None or row.user != context.user:
        raise view_error(404, "Installation not found")
    return row


def _custom_client(context: RequestContext, row: InstallationRecord) -> OAuthServerRecord:
    if refusal(row.url) is not None:
        raise view_error(400, "Server URL blocked by security policy")
    require_enabled(context, row.url)
    if row.server is None:
        raise view_error(400, _NEVER_REGISTERED)
    return row.server


def _open_template(context: RequestContext, template_id: UUID | None) -> TemplateRecord:
    template = context.state.template(template_id, project_id=context.project_id)
    if template is None:
        raise view_error(404, "Template not found")
    require_enabled(context, template.url)
    return template


def _personal_row(context: RequestContext, template: TemplateRecord) -> InstallationRecord:
    """The user's row with the template's URL. It is added if necessary, and stays even if no flow can be started."""
    row, _ = context.state.find_or_insert(**template_row(context, template))
    if row.template is not template:
        context.state.change(row, {"template": template})
    return row


def _client_for(row: InstallationRecord, template: TemplateRecord) -> OAuthServerRecord:
    if template.server is None and template.auth_type == "oauth":
        if row.server is None:
            raise view_error(400, _NEVER_REGISTERED)
        return row.server
    return template_client(template, missing="Template missing OAuth metadata")


def _started(
    context: RequestContext, server: OAuthServerRecord, form: AuthorizeInstallationForm, row: InstallationRecord
) -> Response:
    url = start_flow(context, server, form, row)
    context.state.register_server(row)
    return json_response({"redirect_url": url}) if form.install_source == "posthog-code" else _redirect(url)


def _redirect(url: str) -> Response:
    return Response(status_code=302, headers={"location": url, "content-type": "text/html; charset=utf-8"})
