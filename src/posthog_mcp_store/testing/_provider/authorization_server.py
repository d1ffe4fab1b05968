"""The parts of an OAuth authorization server that the package `mcp` does not provide: storage and consent.

It imports that package, so it is loaded only when a provider is created.
"""

import secrets
import time
from dataclasses import dataclass

from mcp.server.auth.provider import (
    AccessToken,
    AuthorizationCode,
    AuthorizationParams,
    OAuthAuthorizationServerProvider,
    TokenError,
    construct_redirect_uri,
)
from mcp.server.auth.provider import RefreshToken as BaseRefreshToken
from mcp.server.auth.routes import create_auth_routes
from mcp.server.auth.settings import ClientRegistrationOptions, RevocationOptions
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken
from pydantic import AnyHttpUrl, ConfigDict, TypeAdapter
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from .consent_page import answered_page, consent_page

_CODE_SECONDS = 600
# A trailing slash would make it a different issuer: they are compared character by character (RFC 8414, section 3.3).
_ISSUER = TypeAdapter(AnyHttpUrl, config=ConfigDict(url_preserve_empty_path=True))


class RefreshToken(BaseRefreshToken):
    """A refresh token that is bound to a resource, which mcp supports since 2.2."""

    resource: str | None = None


@dataclass
class _Grant:
    """The tokens that one code or refresh token was exchanged for. A used refresh token is removed."""

    access: AccessToken
    refresh: RefreshToken | None

    def holds(self, token: str) -> bool:
        return token == self.access.token or (self.refresh is not None and token == self.refresh.token)


class AuthorizationServer(OAuthAuthorizationServerProvider[AuthorizationCode, RefreshToken, AccessToken]):
    """Clients, requests for consent, codes and tokens, in memory."""

    def __init__(self, *, access_token_seconds: int, gives_refresh_tokens: bool) -> None:
        self._access_token_seconds = access_token_seconds
        self._gives_refresh_tokens = gives_refresh_tokens
        self.refuses_refreshes = False
        self.clients: dict[str, OAuthClientInformationFull] = {}
        self.token_requests: list[str] = []
        self._consents: dict[str, tuple[OAuthClientInformationFull, AuthorizationParams]] = {}
        self._codes: dict[str, AuthorizationCode] = {}
        self._grants: list[_Grant] = []

    def app(self, issuer: str, *, registers_clients: bool) -> Starlette:
        routes = create_auth_routes(
            self,
            issuer_url=_ISSUER.validate_python(issuer),
            client_registration_options=ClientRegistrationOptions(enabled=registers_clients),
            revocation_options=RevocationOptions(enabled=True),
        )
        consent = [
            Route("/consent", self.show_consent, methods=["GET"]),
            Route("/consent", self.take_decision, methods=["POST"]),
        ]
        return Starlette(routes=[*routes, *consent])

    async def get_client(self, client_id: str) -> OAuthClientInformationFull | None:
        return self.clients.get(client_id)

    async def register_client(self, client_info: OAuthClientInformationFull) -> None:
        self.clients[client_info.client_id] = client_info

    async def authorize(self, client: OAuthClientInformationFull, params: AuthorizationParams) -> str:
        request = secrets.token_urlsafe(32)
        self._consents[request] = (client, params)
        return f"/consent?request={request}"

    async def show_consent(self, request: Request) -> Response:
        name = request.query_params.get("request", "")
        if name not in self._consents:
            return answered_page()
        client, params = self._consents[name]
        return consent_page(
            action=request.url.path,
            request=name,
            client=client.client_name or client.client_id,
            redirect_uri=str(params.redirect_uri),
        )

    async def take_decision(self, request: Request) -> Response:
        form = await request.form()
        client, params = self._consents.pop(str(form.get("request")), (None, None))
        if client is None or params is None:
            return answered_page()
        # Anything but an explicit `allow` is a denial.
        outcome = {"code": self._new_code(client, params)} if form.get("decision") == "allow" else _DENIAL
        location = construct_redirect_uri(str(params.redirect_uri), **outcome, state=params.state)
        return RedirectResponse(location, 303, {"Cache-Control": "no-store"})

    def _new_code(self, client: OAuthClientInformationFull, params: AuthorizationParams) -> str:
        code = AuthorizationCode(
            code=secrets.token_urlsafe(32),
            scopes=params.scopes or [],
            expires_at=time.time() + _CODE_SECONDS,
            client_id=client.client_id,
            code_challenge=params.code_challenge,
            redirect_uri=params.redirect_uri,
            redirect_uri_provided_explicitly=params.redirect_uri_provided_explicitly,
            resource=params.resource,
        )
        self._codes[code.code] = code
        return code.code

    # `mcp` checks that a code or a refresh token is used by the client that it was issued to.

    async def load_authorization_code(
        self,
        client: OAuthClientInformationFull,  # noqa: ARG002
        authorization_code: str,
    ) -> AuthorizationCode | None:
        self.token_requests.append("authorization_code")
        # One attempt uses up the code, even with a wrong verifier, so that verifiers cannot be guessed.
        return self._codes.pop(authorization_code, None)

    async def exchange_authorization_code(
        self, client: OAuthClientInformationFull, authorization_code: AuthorizationCode
    ) -> OAuthToken:
        return self._grant(client, authorization_code.scopes, authorization_code.resource)

    async def load_refresh_token(
        self,
        client: OAuthClientInformationFull,  # noqa: ARG002
        refresh_token: str,
    ) -> RefreshToken | None:
        tokens = (grant.refresh for grant in self._grants)
        return next((token for token in tokens if token is not None and token.token == refresh_token), None)

    async def exchange_refresh_token(
        self, client: OAuthClientInformationFull, refresh_token: RefreshToken, scopes: list[str]
    ) -> OAuthToken:
        self.token_requests.append("refresh_token")
        if self.refuses_refreshes:
            raise TokenError("invalid_grant", "refuses_refreshes is set")
        for grant in self._grants:
            if grant.refresh is refresh_token:
                grant.refresh = None
        return self._grant(client, scopes, refresh_token.resource)

    def _grant(self, client: OAuthClientInformationFull, scopes: list[str], resource: str | None) -> OAuthToken:
        access = AccessToken(
            token=secrets.token_urlsafe(32),
            client_id=client.client_id,
            scopes=scopes,
            expires_at=int(time.time()) + self._access_token_seconds,
            resource=resource,
        )
        refresh = None
        if self._gives_refresh_tokens:
            refresh = RefreshToken(
                token=secrets.token_urlsafe(32), client_id=client.client_id, scopes=scopes, resource=resource
            )
        self._grants.append(_Grant(access, refresh))
        return OAuthToken(
            access_token=access.token,
            expires_in=self._access_token_seconds,
            scope=" ".join(scopes) or None,
            refresh_token=refresh.token if refresh else None,
        )

    async def load_access_token(self, token: str) -> AccessToken | None:
        return self.access_token(token)

    def access_token(self, token: str) -> AccessToken | None:
        """The token's record, or None if it is not valid."""
        known = next((grant.access for grant in list(self._grants) if grant.access.token == token), None)
        return None if known is None or (known.expires_at or 0) <= time.time() else known

    async def revoke_token(self, token: AccessToken | RefreshToken) -> None:
        """Revoke both tokens of the grant, whichever is given."""
        self._grants[:] = [grant for grant in self._grants if not grant.holds(token.token)]


_DENIAL = {"error": "access_denied"}
