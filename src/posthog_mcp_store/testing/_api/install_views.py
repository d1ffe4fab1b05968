"""The operations that install servers (docs/service.md, sections 5 and 10)."""

from typing import Any

from starlette.responses import Response

from .._framework.endpoint import RequestContext
from .._framework.errors import view_error
from .._framework.responses import json_response
from .._model.installations import InstallationRecord
from .._model.records import OAuthServerRecord, TemplateRecord
from .._model.state import DuplicateInstallationError
from .._outbound.tokens import NO_TOKENS
from .forms import InstallCustomForm, InstallTemplateForm, read_install_custom, read_install_template
from .install_rules import (
    apply_options,
    require_custom_allowed,
    require_enabled,
    require_options_allowed,
    require_shared_allowed,
)
from .registration import server_for, template_client
from .start_flow import start_flow
from .tool_sync import sync_after_connecting


async def install_custom(context: RequestContext) -> Response:
    state = context.state
    form = read_install_custom(await context.data(), version=state.version, development=state.development)
    require_shared_allowed(context, form)
    require_custom_allowed(context, form.url)
    require_options_allowed(context, form)
    require_enabled(context, form.url, admins_may_add=True)
    return await (_install_with_oauth if form.auth_type == "oauth" else _install_with_key)(context, form)


async def _install_with_key(context: RequestContext, form: InstallCustomForm) -> Response:
    try:
        row = context.state.insert(**_new_row(context, form), api_key=form.api_key)
    except DuplicateInstallationError:
        raise view_error(400, "This server URL is already installed.") from None
    apply_options(context, row, form)
    return await _installed(context, row)


async def _install_with_oauth(context: RequestContext, form: InstallCustomForm) -> Response:
    """Start a flow. A new row is added first, and removed if the flow cannot be started."""
    row, is_new = context.state.find_or_insert(**_new_row(context, form))
    if not is_new:
        context.require_owner(row)
        _reset(context, row)
    try:
        server = await server_for(context, form.url, name=form.name, own_client=(form.client_id, form.client_secret))
        changes = _changes_at_start(context, server, is_new=is_new)
        if changes:
            context.state.change(row, changes)
        redirect_url = start_flow(context, server, form, row)
    except BaseException:
        if is_new:
            context.state.remove(row)
        raise
    apply_options(context, row, form)
    return json_response({"redirect_url": redirect_url})


def _new_row(context: RequestContext, form: InstallCustomForm) -> dict[str, Any]:
    return {
        "url": form.url,
        "user": context.user,
        "project_id": context.project_id,
        "scope": form.scope,
        "display_name": form.name,
        "description": form.description,
        "auth_type": form.auth_type,
        "tools": no_tools(context),
    }


def no_tools(context: RequestContext) -> dict[str, Any] | None:
    """The tools of a new row: none are known yet. Version 2026-04 does not check tools."""
    return {} if context.state.version >= "2026-09" else None


def _reset(context: RequestContext, row: InstallationRecord) -> None:
    """Since version 2026-09, a row that is installed again is enabled, and becomes an OAuth row.

    The change remains even if the flow cannot be started.
    """
    if context.state.version >= "2026-09" and not (row.is_enabled and row.auth_type == "oauth"):
        context.state.change(row, {"is_enabled": True, "auth_type": "oauth"})


def _changes_at_start(context: RequestContext, server: OAuthServerRecord, *, is_new: bool) -> dict[str, Any]:
    """The changes to the row. Version 2026-04 leaves an existing row alone until the flow ends; 2026-09 resets it."""
    if is_new:
        return {"server": server}
    if context.state.version < "2026-09":
        return {}
    return {"server": server, "api_key": "", **NO_TOKENS, "needs_reauth": True}


async def install_template(context: RequestContext) -> Response:
    form = read_install_template(await context.data(), development=context.state.development)
    require_shared_allowed(context, form)
    require_options_allowed(context, form)
    template = context.state.template(form.template_id, project_id=context.project_id)
    if template is None:
        raise view_error(404, "Template not found")
    require_enabled(context, template.url)
    row, is_new = _row_of(context, template, form)
    try:
        if template.auth_type == "api_key":
            response = await _install_template_with_key(context, row, form)
        else:
            response = await _install_template_with_oauth(context, row, template, form)
    except BaseException:
        if is_new:
            context.state.remove(row)
        raise
    return response


def _row_of(
    context: RequestContext, template: TemplateRecord, form: InstallTemplateForm
) -> tuple[InstallationRecord, bool]:
    """The row with the template's URL, enabled and linked to the template, and whether it is new."""
    row, is_new = context.state.find_or_insert(**template_row(context, template), scope=form.scope)
    if is_new:
        return row, True
    context.require_owner(row)
    changes: dict[str, Any] = {} if row.is_enabled else {"is_enabled": True}
    if row.template is not template:
        linked = {"template": template, "auth_type": template.auth_type}
        changes |= {**linked, "display_name": row.display_name or template.name}
    if changes:
        context.state.change(row, changes)
    return row, False


def template_row(context: RequestContext, template: TemplateRecord) -> dict[str, Any]:
    """The fields of a new row of the template."""
    return {
        "url": template.url,
        "user": context.user,
        "project_id": context.project_id,
        "template": template,
        "display_name": template.name,
        "description": template.description,
        "auth_type": template.auth_type,
        "tools": no_tools(context),
    }


async def _install_template_with_key(
    context: RequestContext, row: InstallationRecord, form: InstallTemplateForm
) -> Response:
    """Store the key, which replaces the one of an existing row."""
    if not form.api_key:
        raise view_error(400, "api_key is required")
    context.state.change(row, {"api_key": form.api_key})
    apply_options(context, row, form)
    return await _installed(context, row)


async def _install_template_with_oauth(
    context: RequestContext, row: InstallationRecord, template: TemplateRecord, form: InstallTemplateForm
) -> Response:
    """Start a flow. An existing row keeps its tokens."""
    if template.server is None:
        server = await server_for(context, template.url, name=template.name)
        context.state.change(row, {"server": server})
    else:
        server = template_client(template, missing="Template is missing OAuth metadata")
    redirect_url = start_flow(context, server, form, row)
    apply_options(context, row, form)
    return json_response({"redirect_url": redirect_url})


async def _installed(context: RequestContext, row: InstallationRecord) -> Response:
    """The response, in which the row is as it was before its tools were read."""
    response = json_response(context.row_json(row), status=201)
    await sync_after_connecting(context.state, row)
    return response
