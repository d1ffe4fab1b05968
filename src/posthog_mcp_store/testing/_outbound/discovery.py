"""Finding an MCP server's OAuth provider, and registering with it.

docs/service.md, sections 2.2 and 5; RFC 9728, RFC 8414, RFC 7591.
"""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
from starlette.types import ASGIApp

from .._framework.errors import view_error
from .._model.records import ServiceVersion
from .._model.state import UpstreamTarget
from .._model.urls import is_local
from .client import ask, ask_provider, object_in
from .upstream import UnreachableError

_RESOURCE = "/.well-known/oauth-protected-resource"
_SERVER = "/.well-known/oauth-authorization-server"
_CLIENT = {
    "grant_types": ["authorization_code", "refresh_token"],
    "response_types": ["code"],
    "token_endpoint_auth_method": "none",
}
_REGISTRATION_FAILED = "OAuth registration failed."
_MOST_WORDS = 300


@dataclass(frozen=True)
class ProviderMetadata:
    """The parts of a provider's metadata that the service uses."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    registration_endpoint: str
    scope: str
    token_endpoint_auth_methods: list[Any] | None

    def accepts_client(self, *, has_secret: bool) -> bool:
        """Whether the service can authenticate as a client that the user registered."""
        usable = {"client_secret_post"} if has_secret else {"none"}
        return self.token_endpoint_auth_methods is None or not usable.isdisjoint(self.token_endpoint_auth_methods)


@dataclass(frozen=True)
class RegisteredClient:
    """The service's registration with a provider. Some providers issue a secret that was not requested."""

    client_id: str
    client_secret: str = field(repr=False)


async def discover(url: str, target: UpstreamTarget, *, seconds: float) -> ProviderMetadata:
    """Fetch the issuer from the MCP server at `url`, which is contacted at `target`, and the provider's metadata."""
    try:
        expected, metadata = await _metadata(url, target, seconds=seconds)
    except UnreachableError:
        raise view_error(400, "OAuth discovery failed.") from None
    authorization_endpoint = _text(metadata, "authorization_endpoint")
    token_endpoint = _text(metadata, "token_endpoint")
    if not authorization_endpoint or not token_endpoint:
        raise view_error(400, "OAuth discovery failed.")
    issuer = _text({"issuer": expected, **metadata}, "issuer")
    if not issuer:
        raise view_error(400, "Could not determine OAuth issuer")
    scopes = metadata.get("scopes_supported")
    scope = " ".join(map(str, scopes)) if isinstance(scopes, list) else ""
    methods = metadata.get("token_endpoint_auth_methods_supported")
    return ProviderMetadata(
        issuer=issuer,
        authorization_endpoint=authorization_endpoint,
        token_endpoint=token_endpoint,
        registration_endpoint=_text(metadata, "registration_endpoint"),
        scope=scope,
        token_endpoint_auth_methods=methods if isinstance(methods, list) else None,
    )


async def register(
    provider: ProviderMetadata, redirect_uri: str, *, seconds: float, version: ServiceVersion
) -> RegisteredClient:
    if not provider.registration_endpoint:
        raise view_error(400, "This MCP server does not support Dynamic Client Registration (DCR).")
    name = "MCP Store by PostHog" if version >= "2026-09" else "PostHog"
    request = {"client_name": name, **_CLIENT, "redirect_uris": [redirect_uri]}
    if provider.scope:
        request["scope"] = provider.scope
    try:
        response = await ask_provider("POST", provider.registration_endpoint, seconds=seconds, json=request)
    except UnreachableError:
        raise view_error(400, _REGISTRATION_FAILED) from None
    registration = object_in(response)
    client_id = _text(registration, "client_id")
    if not client_id:
        raise view_error(400, _registration_failure(response, version=version))
    return RegisteredClient(client_id, _text(registration, "client_secret"))


def _registration_failure(response: httpx.Response, *, version: ServiceVersion) -> str:
    """The error, since version 2026-09 with the provider's own words."""
    if version < "2026-09" or response.is_success:
        return _REGISTRATION_FAILED
    words = " ".join(response.text.split())
    reason = f"The server rejected registration (HTTP {response.status_code})" + (f": {words}" if words else "")
    return f"{_REGISTRATION_FAILED} {reason[:_MOST_WORDS]}"


async def _metadata(url: str, target: UpstreamTarget, *, seconds: float) -> tuple[str, dict[str, Any]]:
    """The issuer named by the MCP server, and the provider's metadata."""
    app = None if isinstance(target, str) else target
    origin = _origin(target if isinstance(target, str) else url)
    issuer = await _named_issuer(origin, urlsplit(url).path.rstrip("/"), app, seconds=seconds)
    if issuer is not None:
        if not is_local(issuer):
            raise UnreachableError
        metadata_url = f"{_origin(issuer)}{_SERVER}{urlsplit(issuer).path.rstrip('/')}"
        return issuer, object_in(await ask("GET", metadata_url, seconds=seconds))
    # Many servers name no provider because they are their own provider.
    return origin, object_in(await ask("GET", origin + _SERVER, seconds=seconds, app=app))


async def _named_issuer(origin: str, path: str, app: ASGIApp | None, *, seconds: float) -> str | None:
    for suffix in dict.fromkeys((path, "")):
        response = await ask("GET", f"{origin}{_RESOURCE}{suffix}", seconds=seconds, app=app)
        issuers = object_in(response).get("authorization_servers")
        if isinstance(issuers, list) and issuers:
            return str(issuers[0])
    return None


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _text(data: dict[str, Any], name: str) -> str:
    value = data.get(name)
    return value if isinstance(value, str) else ""
