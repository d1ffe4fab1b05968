"""The service's clients at OAuth providers (docs/service.md, sections 5 and 6)."""

from typing import Any

from .._framework.endpoint import RequestContext
from .._framework.errors import view_error
from .._model.records import OAuthServerRecord, TemplateRecord
from .._outbound.discovery import ProviderMetadata, discover, register
from .oauth_urls import issuer_of, redirect_uri_at

_NO_CLIENT = ("", "")


async def server_for(
    context: RequestContext, url: str, *, name: str, own_client: tuple[str, str] = _NO_CLIENT
) -> OAuthServerRecord:
    """The record of the MCP server's provider. The service registers with it, unless the user has an own client.

    Version 2026-04 registers once for all installations, and 2026-09 for each of them.
    """
    state, target = context.state, context.state.upstreams.get(url)
    is_shared = state.version < "2026-09"
    if target is None:
        # There is no real provider. The flow can be started, but never succeeds.
        issuer, client = issuer_of(url), _client_fields(*own_client) if own_client[0] else {}
        if is_shared:
            return state.register_with_issuer(issuer, name=name)
        return state.add_oauth_server(issuer, name=name, **client)
    provider = await discover(url, target, seconds=state.provider_timeout)
    known = state.registration(provider.issuer) if is_shared else None
    if known is not None:
        return known
    # Browsers keep returning to the address at which the service was first called.
    fields = {
        "authorization_endpoint": provider.authorization_endpoint,
        "token_endpoint": provider.token_endpoint,
        "scope": provider.scope,
        "redirect_uri": redirect_uri_at(context.site),
        **await _client(context, provider, own_client),
    }
    if is_shared:
        return state.register_with_issuer(provider.issuer, name=name, **fields)
    return state.add_oauth_server(provider.issuer, name=name, **fields)


async def _client(context: RequestContext, provider: ProviderMetadata, own_client: tuple[str, str]) -> dict[str, Any]:
    client_id, client_secret = own_client
    if client_id:
        if not provider.accepts_client(has_secret=bool(client_secret)):
            raise view_error(400, "OAuth token endpoint auth method is not supported.")
        return _client_fields(client_id, client_secret)
    state = context.state
    redirect_uri, seconds = redirect_uri_at(context.site), state.provider_timeout
    client = await register(provider, redirect_uri, seconds=seconds, version=state.version)
    return _client_fields(client.client_id, client.client_secret)


def _client_fields(client_id: str, client_secret: str) -> dict[str, Any]:
    return {"client_id": client_id, "client_secret": client_secret}


def template_client(template: TemplateRecord, *, missing: str) -> OAuthServerRecord:
    """PostHog's own client for the template. `missing` is the error for a template without a provider."""
    server = template.server
    if server is None or not server.authorization_endpoint:
        raise view_error(400, missing)
    if not server.client_id:
        raise view_error(400, "Template OAuth client is not configured")
    return server
