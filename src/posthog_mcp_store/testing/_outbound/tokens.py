"""Tokens: requesting them from a provider, storing them, deciding when to refresh (docs/service.md, section 6)."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from .._model.installations import InstallationRecord
from .._model.records import OAuthServerRecord, ServiceVersion
from .client import ask_provider, error_in, object_in
from .upstream import UnreachableError

_MARGIN = timedelta(seconds=60)

NO_TOKENS: dict[str, Any] = {
    "access_token": "",
    "refresh_token": "",
    "token_received_at": None,
    "expires_at": None,
}
"""The fields of a row without tokens."""


class NoTokensError(Exception):
    """The provider issued no tokens. If it `refused`, trying again would not help."""

    def __init__(self, *, refused: bool) -> None:
        super().__init__(refused)
        self.refused = refused


_REFUSALS = ("invalid_client", "invalid_grant")


@dataclass(frozen=True)
class Tokens:
    """The tokens in a provider's response."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in: float | None


async def request_tokens(server: OAuthServerRecord, *, seconds: float, **form: str) -> Tokens:
    """Request tokens from the provider's token endpoint, as the registered client.

    Raises:
        NoTokensError: The provider issued none, or the endpoint is not on this machine or unreachable.
    """
    secret = {"client_secret": server.client_secret} if server.client_secret else {}
    data = {**form, "client_id": server.client_id, **secret}
    try:
        response = await ask_provider("POST", server.token_endpoint, seconds=seconds, data=data)
    except UnreachableError:
        raise NoTokensError(refused=False) from None
    tokens = object_in(response)
    if not tokens.get("access_token"):
        raise NoTokensError(refused=error_in(response) in _REFUSALS)
    expires_in = tokens.get("expires_in")
    return Tokens(
        str(tokens["access_token"]),
        str(tokens.get("refresh_token") or ""),
        expires_in if isinstance(expires_in, int | float) else None,
    )


def token_fields(tokens: Tokens, now: datetime, *, refresh_token: str = "") -> dict[str, Any]:
    """The fields of a row with new tokens. `refresh_token` is kept if the provider issued no new one."""
    lifetime = None if tokens.expires_in is None else timedelta(seconds=tokens.expires_in)
    return {
        "access_token": tokens.access_token,
        "refresh_token": tokens.refresh_token or refresh_token,
        "token_received_at": now,
        "expires_at": None if lifetime is None else now + lifetime,
        "needs_reauth": False,
    }


def is_refresh_due(row: InstallationRecord, now: datetime, *, version: ServiceVersion) -> bool:
    """Whether the row's access token must be refreshed before it is used.

    This is the case from 60 seconds before it expires; since version 2026-09, after half its lifetime.
    """
    if row.auth_type != "oauth" or row.expires_at is None:
        return False
    if version < "2026-09" or row.token_received_at is None:
        return now >= row.expires_at - _MARGIN
    return now >= row.token_received_at + (row.expires_at - row.token_received_at) / 2
