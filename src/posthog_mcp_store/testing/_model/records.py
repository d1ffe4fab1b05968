"""The plain data of the embedded service: what tests prepare before a call and inspect after it."""

import json
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID, uuid4

ServiceVersion = Literal["2026-04", "2026-09"]
"""The imitated version of the service, as a month. Versions can be compared: the newer one is greater."""

Environments = Literal["served", "redirected", "deprecated", "missing"]
"""How requests under `/api/environments/` are handled."""


@dataclass(frozen=True)
class ApiKey:
    """A personal API key.

    Attributes:
        token: The key itself, to pass as `api_key=`.
        user: The name of its owner.
        scopes: Its scopes, such as `project:read`.
        projects: The ids of the projects to which the key is limited; None if it is not.
    """

    token: str = field(repr=False)
    user: str
    scopes: tuple[str, ...]
    projects: tuple[str, ...] | None = None


@dataclass(frozen=True)
class RecordedRequest:
    """A request as it arrived.

    Attributes:
        method: The HTTP method.
        path: The path, without the query.
        query: The parameters of the query, decoded. A repeated name has its last value.
        headers: The headers, with names in lower case.
        body: The body.
        received_at: The time of its arrival in seconds, by `time.monotonic()`.
    """

    method: str
    path: str
    query: dict[str, str]
    # Headers and bodies contain keys, and reprs end up in test reports.
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    received_at: float = field(repr=False)

    def json(self) -> Any:
        """The body, decoded as JSON.

        Raises:
            ValueError: It is not JSON.
        """
        return json.loads(self.body)


@dataclass(eq=False, kw_only=True)
class OAuthServerRecord:
    """The service's registration with one OAuth issuer.

    In version 2026-04 it is shared by all installations that use the issuer; in 2026-09 each installation has its own.
    Without a `token_endpoint` there is no real provider: flows can be started, but never succeed.

    Attributes:
        issuer: The URL that identifies the issuer (RFC 8414).
        name: The server's name, as installations of version 2026-04 show it.
        authorization_endpoint: The URL of the page on which users give their consent.
        client_id: The service's client id at the issuer.
        client_secret: The secret of that client; empty if it has none.
        token_endpoint: The URL at which codes are exchanged for tokens.
        scope: The scopes to ask for, separated by spaces.
        redirect_uri: The redirect URI with which the client was registered; empty if it was added by a test.
        id: The record's id, the `server_id` of its installations in version 2026-04.
    """

    issuer: str
    name: str
    authorization_endpoint: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    token_endpoint: str = ""
    scope: str = ""
    redirect_uri: str = ""
    id: UUID = field(default_factory=uuid4)


@dataclass(eq=False, kw_only=True)
class TemplateRecord:
    """A server of the catalogue. Tests may change any field; the service sees it on the next request.

    Attributes:
        name: The server's name.
        url: The MCP server's URL.
        auth_type: `oauth` or `api_key`.
        description: The catalogue's description of the server.
        docs_url: The URL of the vendor's documentation.
        icon_key: The deprecated name of its icon.
        icon_domain: The domain of its brand.
        category: The category in the catalogue.
        server: PostHog's own client at the server's OAuth provider. With None, each installation registers its own.
        is_active: Whether it can be listed and installed.
        projects: The ids of the projects that it is for; None means all.
        id: The template's id.
    """

    name: str
    url: str
    auth_type: str = "oauth"
    description: str = ""
    docs_url: str = ""
    icon_key: str = ""
    icon_domain: str = ""
    category: str = "dev"
    server: OAuthServerRecord | None = None
    is_active: bool = True
    projects: tuple[str, ...] | None = None
    id: UUID = field(default_factory=uuid4)

    def to_json(self, *, version: ServiceVersion = "2026-09") -> dict[str, Any]:
        """The fields of a response (docs/service.md, section 10).

        Args:
            version: The version of the service that responds: `2026-09` or `2026-04`.
        """
        fields = {"name": self.name, "url": self.url, "description": self.description, "auth_type": self.auth_type}
        if version < "2026-09":
            return fields
        icons = {"icon_key": self.icon_key, "icon_domain": self.icon_domain}
        return {"id": str(self.id), **fields, "docs_url": self.docs_url, **icons, "category": self.category}
