"""The plain data of the embedded service: what tests prepare before a call and inspect after it."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID, uuid4

ServiceVersion = Literal["2026-04", "2026-08"]
"""The imitated version of the service, as a month. Versions can be compared: the newer one is greater."""

ToolState = Literal["approved", "needs_approval", "disabled", "blocked_by_team", "removed"]
"""The service's decision about a tool, or `removed` if its MCP server no longer has it."""

Environments = Literal["served", "redirected", "deprecated"]
"""How requests under `/api/environments/` are handled."""


@dataclass(frozen=True)
class ApiKey:
    """A personal API key. If `projects` is not None, the key is limited to these projects."""

    token: str = field(repr=False)
    user: str
    scopes: tuple[str, ...]
    projects: tuple[str, ...] | None = None


@dataclass(frozen=True)
class RecordedRequest:
    """A request as it arrived. Header names are lower case; a repeated query key keeps its last value.

    `received_at` is a time of `time.monotonic()`.
    """

    method: str
    path: str
    query: dict[str, str]
    # Headers and bodies contain keys, and reprs end up in test reports.
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    received_at: float = field(repr=False)

    def json(self) -> Any:
        """The body, decoded as JSON."""
        return json.loads(self.body)


@dataclass(eq=False, kw_only=True)
class OAuthServerRecord:
    """The service's registration with one OAuth issuer, shared by every installation that uses the issuer.

    Without a `token_endpoint` there is no real provider: flows can be started, but never succeed.
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
class InstallationRecord:
    """One row, credentials included. Tests may change any field; the service sees it on the next request.

    `auth_type` may be any text, as in old rows of the real service. An access token without `expires_at` never expires.

    Attributes:
        tools: The tools that the service knows, by name, with the decision about each. The proxy refuses all calls
            except those of approved tools. With None, the default, it checks no calls, like the real service of
            2026-04.
        is_disabled_for_team: Whether the server is disabled for the team. The real service of 2026-04 does not have
            this switch.
        is_access_off: Whether an admin has turned off the user's access to the server. Also not in 2026-04.
    """

    url: str
    user: str
    project_id: str
    created_at: datetime
    updated_at: datetime | None
    id: UUID = field(default_factory=uuid4)
    display_name: str = ""
    description: str = ""
    auth_type: str = "api_key"
    is_enabled: bool = True
    needs_reauth: bool = False
    api_key: str = field(default="", repr=False)
    access_token: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    token_received_at: datetime | None = None
    expires_at: datetime | None = None
    server: OAuthServerRecord | None = None
    tools: dict[str, ToolState] | None = None
    is_disabled_for_team: bool = False
    is_access_off: bool = False

    @property
    def name(self) -> str:
        return self.display_name or (self.server.name if self.server else "")

    @property
    def pending_oauth(self) -> bool:
        """Whether the OAuth flow is unfinished. Set `access_token` to finish it."""
        return self.auth_type == "oauth" and not self.access_token

    @property
    def credential(self) -> str:
        """The Bearer token that the proxy sends to the MCP server, or an empty string if there is none."""
        return self.access_token if self.auth_type == "oauth" else self.api_key

    def to_json(self, site: str, *, version: ServiceVersion = "2026-04") -> dict[str, Any]:
        """The fields of a response (docs/service.md, sections 5 and 8). `site` is scheme and host, no path."""
        # Always this prefix and the numeric project id, whichever path the row was requested by.
        rows = f"{site}/api/environments/{self.project_id}/mcp_server_installations"
        return {
            "id": str(self.id),
            **(self._template_fields() if version >= "2026-08" else self._server_fields()),
            "name": self.name,
            "display_name": self.display_name,
            "url": self.url,
            "description": self.description,
            "auth_type": self.auth_type,
            "is_enabled": self.is_enabled,
            "needs_reauth": self.needs_reauth,
            "pending_oauth": self.pending_oauth,
            "proxy_url": f"{rows}/{self.id}/proxy/",
            "created_at": _timestamp(self.created_at),
            "updated_at": _timestamp(self.updated_at) if self.updated_at else None,
        }

    def _server_fields(self) -> dict[str, Any]:
        return {"server_id": str(self.server.id) if self.server else None}

    def _template_fields(self) -> dict[str, Any]:
        """The fields that replaced `server_id`. There are no templates or shared rows here."""
        return {
            "template_id": None,
            "tool_count": sum(state != "removed" for state in (self.tools or {}).values()),
            "scope": "personal",
            "is_owner": True,
            "icon_domain": "",
            "icon_key": "",
        }


def _timestamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"
