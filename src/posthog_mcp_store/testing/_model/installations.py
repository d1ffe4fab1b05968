"""The rows of the service."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID, uuid4

from .records import OAuthServerRecord, ServiceVersion, TemplateRecord
from .timestamps import timestamp
from .tools import ToolRecord, ToolState, ToolTable

InstallationScope = Literal["personal", "shared"]
"""Whether only its owner can use an installation, or all users of the project."""


@dataclass(eq=False, kw_only=True)
class InstallationRecord:
    """One row, credentials included. Tests may change any field; the service sees it on the next request.

    Attributes:
        url: The MCP server's URL.
        user: The name of its owner.
        project_id: The id of its project.
        created_at: When it was created.
        updated_at: When it was last saved; None in rows that never were.
        version: The version of the service that the row belongs to: `2026-09` or `2026-04`.
        id: The installation's id.
        display_name: The user's own name for it.
        description: The user's description.
        auth_type: `api_key`, `oauth`, or any other text, as in old rows of the real service.
        is_enabled: Whether the proxy accepts calls for it.
        needs_reauth: Whether its tokens are known to be invalid.
        api_key: The MCP server's key.
        access_token: The OAuth access token; empty until a flow has finished.
        refresh_token: The OAuth refresh token; empty if there is none.
        token_received_at: When the access token was received; None if a test set it.
        expires_at: When the access token expires; None if it never does.
        server: Its registration with an OAuth issuer; None for `api_key`.
        template: The template that it was installed from; None for custom installations.
        scope: `personal` if only its owner can use it, or `shared` if everyone in the project can.
        agent_scope: In which runs PostHog's agents may use it: `personal` for its owner's, `team` for all; None for
            none.
        last_synced_at: When its tools were last read from the server; None if they never were.
        last_sync_error: Why reading them failed the last time; empty if it did not.
        is_disabled_for_team: Whether the server is disabled for the team, in addition to `ProjectRecord.servers`. The
            real service of 2026-04 does not have this switch.
        is_access_off: Whether an admin has turned off access to the server. Also not in 2026-04.
    """

    url: str
    user: str
    project_id: str
    created_at: datetime
    updated_at: datetime | None
    version: ServiceVersion = "2026-09"
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
    template: TemplateRecord | None = None
    scope: InstallationScope = "personal"
    agent_scope: str | None = None
    last_synced_at: datetime | None = None
    last_sync_error: str = ""
    is_disabled_for_team: bool = False
    is_access_off: bool = False
    _tools: ToolTable | None = field(default=None, init=False, repr=False)

    @property
    def tools(self) -> ToolTable | None:
        """The tools that the service knows, by name. The proxy refuses all calls except those of approved tools.

        With None, no calls are checked: all tools are approved. In version 2026-09 the service then reads them from the
        MCP server when it needs them, for example to list them. May be set to a mapping of names to ToolRecords or
        states.
        """
        return self._tools

    @tools.setter
    def tools(self, tools: Mapping[str, ToolRecord | ToolState] | None) -> None:
        self._tools = None if tools is None else ToolTable(tools)

    @property
    def name(self) -> str:
        """The name in responses: `display_name`, or else its template's, or its `server`'s in version 2026-04."""
        return self._name_in(self.version)

    @property
    def pending_oauth(self) -> bool:
        """Whether the OAuth flow is unfinished. Set `access_token` to finish it."""
        return self.auth_type == "oauth" and not self.access_token

    @property
    def credential(self) -> str:
        """The Bearer token that the proxy sends to the MCP server, or an empty string if there is none."""
        if self.auth_type == "oauth":
            return self.access_token
        return self.api_key if self.auth_type == "api_key" or self.version < "2026-09" else ""

    def to_json(self, site: str, *, version: ServiceVersion | None = None, user: str | None = None) -> dict[str, Any]:
        """The fields of a response (docs/service.md, sections 5 and 8), by default of the row's own version.

        Args:
            site: The service's scheme and host, without a path.
            version: The version of the service that responds: `2026-09` or `2026-04`.
            user: The user who asks, by default the owner.
        """
        # Always this prefix and the numeric project id, whichever path the row was requested by.
        rows = f"{site}/api/environments/{self.project_id}/mcp_server_installations"
        version = version or self.version
        return {
            "id": str(self.id),
            **(self._later_fields(user) if version >= "2026-09" else self._early_fields()),
            "name": self._name_in(version),
            "display_name": self.display_name,
            "url": self.url,
            "auth_type": self.auth_type,
            "is_enabled": self.is_enabled,
            "needs_reauth": self.needs_reauth,
            "pending_oauth": self.pending_oauth,
            "proxy_url": f"{rows}/{self.id}/proxy/",
            "created_at": timestamp(self.created_at),
            "updated_at": timestamp(self.updated_at) if self.updated_at else None,
        }

    def _name_in(self, version: ServiceVersion) -> str:
        named = self.template if version >= "2026-09" else self.server
        return self.display_name or (named.name if named else "")

    def _early_fields(self) -> dict[str, Any]:
        return {
            "server_id": str(self.server.id) if self.server else None,
            "description": self.description,
        }

    def _later_fields(self, user: str | None) -> dict[str, Any]:
        template = self.template
        return {
            "template_id": str(template.id) if template else None,
            "icon_key": template.icon_key if template else "",
            "icon_domain": template.icon_domain if template else "",
            "description": self.description or (template.description if template else ""),
            "scope": self.scope,
            "is_owner": user in (None, self.user),
            "tool_count": len(self._tools.sorted()) if self._tools else 0,
            "last_synced_at": timestamp(self.last_synced_at) if self.last_synced_at else None,
            "last_sync_error": self.last_sync_error,
        }
