"""The operations that start OAuth flows (docs/service.md, sections 5, 6 and 8)."""

import secrets
from typing import Any

from starlette.responses import Response

from .._framework.endpoint import RequestContext
from .._framework.errors import view_error
from .._framework.responses import json_response
from .._model.flows import Flow
from .._model.records import InstallationRecord, OAuthServerRecord
from .._outbound.discovery import discover, register
from .._outbound.tokens import NO_TOKENS
from .forms import FlowForm, InstallCustomForm, read_authorize_installation, read_authorize_server
from .oauth_urls import authorization_url, issuer_of, redirect_uri_at


async def install_with_oauth(context: RequestContext, form: InstallCustomForm) -> Response:
    """Start a flow. A new row is added first, and removed if the flow cannot be started."""
    fields = {"url": form.url, "display_name": form.name, "description": form.description, "auth_type": "oauth"}
    row, is_new = context.state.find_or_insert(user=context.user, project_id=context.project_id, **fields)
    try:
        server = await _server_for(context, form)
        redirect_url = start_flow(context, server, form, row)
    except BaseException:
        if is_new:
            context.state.remove(row)
        raise
    changes = _changes_at_start(context, server, is_new=is_new)
    if changes:
        context.state.change(row, changes)
    return json_response({"redirect_url": redirect_url})


def _changes_at_start(context: RequestContext, server: OAuthServerRecord, *, is_new: bool) -> dict[str, Any]:
    """The changes to the row. Version 2026-04 leaves an existing row alone until the flow ends; 2026-08 resets it."""
    if is_new:
        return {"server": server}
    if context.state.version < "2026-08":
        return {}
    return {"server": server, "auth_type": "oauth", "api_key": "", **NO_TOKENS, "needs_reauth": True}


async def _server_for(context: RequestContext, form: InstallCustomForm) -> OAuthServerRecord:
    """The record of the MCP server's provider. The service registers with it on the first installation."""
    target = context.state.upstreams.get(form.url)
    if target is None:
        return context.state.register_with_issuer(issuer_of(form.url), name=form.name)
    seconds = context.state.provider_timeout
    provider = await discover(form.url, target, seconds=seconds)
    # Browsers keep returning to the address at which the service was first called.
    if known := context.state.registration(provider.issuer):
        return known
    redirect_uri = redirect_uri_at(context.site)
    client = await register(provider, redirect_uri, seconds=seconds)
    return context.state.register_with_issuer(
        provider.issuer,
        name=form.name,
        authorization_endpoint=provider.authorization_endpoint,
        token_endpoint=provider.token_endpoint,
        scope=provider.scope,
        client_id=client.client_id,
        client_secret=client.client_secret,
        redirect_uri=redirect_uri,
    )


def start_flow(
    context: RequestContext, server: OAuthServerRecord, form: FlowForm, row: InstallationRecord | None
) -> str:
    """The provider's page for a new flow. Without a row the flow is not stored, and fails at its end."""
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(64)
    redirect_uri = server.redirect_uri or redirect_uri_at(context.site)
    resource = row.url if row is not None and context.state.version >= "2026-08" else ""
    url = authorization_url(server, redirect_uri=redirect_uri, state=state, verifier=verifier, resource=resource)
    if row is not None:
        flow = Flow(
            row=row,
            server=server,
            redirect_uri=redirect_uri,
            verifier=verifier,
            install_source=form.install_source,
            callback=form.posthog_code_callback_url,
            started_at=context.state.now(),
        )
        context.state.flows.keep(state, flow)
    return url


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
    """Start another flow for an installation."""
    form = read_authorize_installation(context.request.query_params, development=context.state.development)
    if form.installation_id is None:
        raise view_error(404, "Template not found")
    row = context.state.row(form.installation_id, user=context.user, project_id=context.project_id)
    if row is None:
        raise view_error(404, "Installation not found")
    if row.server is None:
        raise view_error(400, "Installation is missing OAuth state — reinstall the server")
    url = start_flow(context, row.server, form, row)
    return json_response({"redirect_url": url}) if form.install_source == "posthog-code" else _redirect(url)


def _redirect(url: str) -> Response:
    return Response(status_code=302, headers={"location": url})
