"""An OAuth provider for MCP servers that require a user's consent."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from starlette.types import ASGIApp

from .._asgi.server import serve_app
from .._asgi.swappable_app import SwappableApp
from .._extra import needing_extra

if TYPE_CHECKING:
    from mcp.server.auth.provider import AccessToken
    from mcp.shared.auth import OAuthClientInformationFull


class OAuthProvider:
    """An OAuth 2.1 authorization server with a page on which the user allows or denies access.

    Clients can register themselves, get codes with a PKCE challenge, and exchange, refresh and revoke tokens. Requires
    the package `mcp`, 2.x.

    Args:
        access_token_seconds: How many seconds access tokens are valid.
        gives_refresh_tokens: Whether to issue a refresh token with each access token. It can be used once.
        registers_clients: Whether clients can register themselves. The service requires this.
    """

    def __init__(
        self, *, access_token_seconds: int = 3600, gives_refresh_tokens: bool = True, registers_clients: bool = True
    ) -> None:
        # Imported here because the rest of the testing kit works without `mcp`.
        with needing_extra("OAuthProvider"):
            from .authorization_server import AuthorizationServer  # noqa: PLC0415

        self._server = AuthorizationServer(
            access_token_seconds=access_token_seconds, gives_refresh_tokens=gives_refresh_tokens
        )
        self._registers_clients = registers_clients
        self._issuer: str | None = None
        self._swappable_app = SwappableApp()

    @property
    def app(self) -> ASGIApp:
        """The ASGI application. It responds to everything with 404 until its issuer is known."""
        return self._swappable_app

    @contextmanager
    def serve(self) -> Iterator[str]:
        """Serve over HTTP on a free port of 127.0.0.1, and yield the issuer: the base URL."""
        with serve_app(self.app) as issuer, self.served_at(issuer):
            yield issuer

    @contextmanager
    def served_at(self, issuer: str) -> Iterator[None]:
        """Set `issuer` while another server serves `app`.

        Args:
            issuer: The base URL of the server, without a trailing slash.

        Raises:
            RuntimeError: The provider is being served already.
        """
        if self._issuer is not None:
            raise RuntimeError(f"already served at {self._issuer}")
        with self._swappable_app.using(self._server.app(issuer, registers_clients=self._registers_clients)):
            self._issuer = issuer
            try:
                yield
            finally:
                self._issuer = None

    @property
    def issuer(self) -> str:
        """The base URL at which it is being served.

        Raises:
            RuntimeError: It is not being served.
        """
        if self._issuer is None:
            raise RuntimeError("not served: this needs `with provider.serve():` around it")
        return self._issuer

    @property
    def clients(self) -> "list[OAuthClientInformationFull]":
        """The registered clients, oldest first."""
        return list(self._server.clients.values())

    @property
    def token_requests(self) -> list[str]:
        """The grant types of the token requests, in order: `authorization_code` or `refresh_token`."""
        return self._server.token_requests

    @property
    def refuses_refreshes(self) -> bool:
        """Whether refreshes are refused with a 400 `invalid_grant`."""
        return self._server.refuses_refreshes

    @refuses_refreshes.setter
    def refuses_refreshes(self, refuses: bool) -> None:
        self._server.refuses_refreshes = refuses

    def is_valid(self, token: str) -> bool:
        """Whether the access token was issued by this provider and is neither expired nor revoked.

        Args:
            token: The access token.
        """
        return self._server.access_token(token) is not None

    async def verify_token(self, token: str) -> "AccessToken | None":
        """The token's record; None if it is not valid. Implements the protocol `TokenVerifier` of the package `mcp`.

        Args:
            token: The access token.
        """
        return self._server.access_token(token)
