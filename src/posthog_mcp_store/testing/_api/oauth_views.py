"""The operations that start OAuth flows (service facts, sections 5, 6 and 8)."""

import secrets
from typing import Any

from starlette.responses import Response

from .._framework.endpoint import Call
from .._framework.errors import view_error
from .._framework.responses import json_response
from .._model.flows import Flow
from .._model.records import InstallationRecord, OAuthServerRecord
from .._outbound.discovery import discover, register
from .._outbound.tokens import NO_TOKENS
from .forms import FlowForm, InstallCustomForm, read_authorize, read_later_authorize
from .oauth_urls import authorization_url, issuer_of, redirect_uri_at


async def install_with_oauth(call: Call, form: InstallCustomForm) -> Response:
    """Start a flow. A new row is there from the beginning, and gone if the flow can't be started."""
    fields = {"url": form.url, "display_name": form.name, "description": form.description, "auth_type": "oauth"}
    row, is_new = call.state.find_or_insert(user=call.user, project_id=call.project_id, **fields)
    try:
        server = await _server_for(call, form)
        redirect_url = start_flow(call, server, form, row)
    except BaseException:
        if is_new:
            call.state.remove(row)
        raise
    changes = _changes_at_start(call, server, is_new=is_new)
    if changes:
        call.state.change(row, changes)
    return json_response({"redirect_url": redirect_url})


def _changes_at_start(call: Call, server: OAuthServerRecord, *, is_new: bool) -> dict[str, Any]:
    """The early service leaves a row alone until the flow ends; the later one begins it anew."""
    if is_new:
        return {"server": server}
    if call.state.era == "early":
        return {}
    return {"server": server, "auth_type": "oauth", "api_key": "", **NO_TOKENS, "needs_reauth": True}


async def _server_for(call: Call, form: InstallCustomForm) -> OAuthServerRecord:
    """The record of the MCP server's provider, with whom the service registers on the first installation."""
    target = call.state.upstreams.get(form.url)
    if target is None:
        return call.state.register_with_issuer(issuer_of(form.url), name=form.name)
    seconds = call.state.provider_timeout
    provider = await discover(form.url, target, seconds=seconds)
    # The address that the service was first called at stays the one that browsers come back to.
    if known := call.state.registration(provider.issuer):
        return known
    redirect_uri = redirect_uri_at(call.site)
    client = await register(provider, redirect_uri, seconds=seconds)
    return call.state.register_with_issuer(
        provider.issuer,
        name=form.name,
        authorization_endpoint=provider.authorization_endpoint,
        token_endpoint=provider.token_endpoint,
        scope=provider.scope,
        client_id=client.client_id,
        client_secret=client.client_secret,
        redirect_uri=redirect_uri,
    )


def start_flow(call: Call, server: OAuthServerRecord, form: FlowForm, row: InstallationRecord | None) -> str:
    """The provider's page for a new flow. Without a row the flow is forgotten at once, and fails at its end."""
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(64)
    redirect_uri = server.redirect_uri or redirect_uri_at(call.site)
    resource = row.url if row is not None and call.state.era == "later" else ""
    url = authorization_url(server, redirect_uri=redirect_uri, state=state, verifier=verifier, resource=resource)
    if row is not None:
        flow = Flow(
            row=row,
            server=server,
            redirect_uri=redirect_uri,
            verifier=verifier,
            install_source=form.install_source,
            callback=form.posthog_code_callback_url,
            started_at=call.state.now(),
        )
        call.state.flows.keep(state, flow)
    return url


async def authorize(call: Call) -> Response:
    """Start a flow of an OAuth server, again. It need not be one that the caller has an installation of."""
    form = read_authorize(call.request.query_params, development=call.state.development)
    server = call.state.oauth_server(form.server_id)
    if server is None:
        raise view_error(404, "Server not found")
    rows = [row for row in call.state.rows(user=call.user, project_id=call.project_id) if row.server is server]
    row = min(rows, key=lambda row: row.id, default=None)
    return _redirect(start_flow(call, server, form, row))


async def authorize_later(call: Call) -> Response:
    """Start a flow of an installation, again."""
    form = read_later_authorize(call.request.query_params, development=call.state.development)
    if form.installation_id is None:
        raise view_error(404, "Template not found")
    row = call.state.row(form.installation_id, user=call.user, project_id=call.project_id)
    if row is None:
        raise view_error(404, "Installation not found")
    if row.server is None:
        raise view_error(400, "Installation is missing OAuth state — reinstall the server")
    url = start_flow(call, row.server, form, row)
    return json_response({"redirect_url": url}) if form.install_source == "posthog-code" else _redirect(url)


def _redirect(url: str) -> Response:
    return Response(status_code=302, headers={"location": url})
