"""Refreshing a row's access token inside the call that needs it (docs/service.md, section 6)."""

from .._framework.errors import ServiceError, proxy_error
from .._model.installations import InstallationRecord
from .._model.records import OAuthServerRecord
from .._model.state import ServiceState
from .._outbound.tokens import NoTokensError, is_refresh_due, request_tokens, token_fields


async def refresh_if_due(state: ServiceState, row: InstallationRecord) -> None:
    """Refresh the token if necessary. If that fails, raise the error that the proxy responds with."""
    if not _is_due(state, row):
        return
    # A refresh token can be used only once, so a concurrent second refresh would invalidate the installation.
    async with state.refresh_lock.hold(row.id):
        if _is_due(state, row):
            await _refresh(state, row)


def _is_due(state: ServiceState, row: InstallationRecord) -> bool:
    return is_refresh_due(row, state.now(), version=state.version)


async def _refresh(state: ServiceState, row: InstallationRecord) -> None:
    if row.server is None or not row.refresh_token:
        # Version 2026-04 uses the access token until it expires.
        if state.version >= "2026-09" or (row.expires_at is not None and row.expires_at <= state.now()):
            raise _failed(state, row, for_good=True)
        return
    await _refresh_with(state, row, row.server)


async def _refresh_with(state: ServiceState, row: InstallationRecord, server: OAuthServerRecord) -> None:
    token, seconds = row.refresh_token, state.provider_timeout
    try:
        tokens = await request_tokens(server, seconds=seconds, grant_type="refresh_token", refresh_token=token)
    except NoTokensError as error:
        raise _failed(state, row, for_good=error.refused) from None
    state.change(row, token_fields(tokens, state.now(), refresh_token=token))


def _failed(state: ServiceState, row: InstallationRecord, *, for_good: bool) -> ServiceError:
    """The error that the proxy responds with. Version 2026-04 treats every failure as transient."""
    if state.version < "2026-09" or not for_good:
        return proxy_error(401, "Authentication failed")
    state.change(row, {"needs_reauth": True})
    return needs_reauthorization()


def needs_reauthorization() -> ServiceError:
    return proxy_error(401, "Installation needs re-authentication")
