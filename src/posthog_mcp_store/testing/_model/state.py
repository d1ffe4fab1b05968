"""The state of one embedded service. The server's thread and the test's may use it at the same time."""

import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from threading import RLock
from typing import Any
from uuid import UUID

from starlette.types import ASGIApp

from .faults import Fault
from .flows import Flows
from .installations import InstallationRecord, InstallationScope
from .keyed_lock import KeyedLock
from .projects import ProjectRecord
from .records import ApiKey, Environments, OAuthServerRecord, RecordedRequest, ServiceVersion, TemplateRecord
from .throttling import Throttle
from .tools import ApprovalState, ToolRecord, ToolState

UpstreamTarget = ASGIApp | str
"""An MCP server that the proxy can reach: an application in this process, or the URL of its endpoint."""

DEFAULT_PROJECT_ID = "1"
_PROVIDER_TIMEOUT = 10.0
_SYNC_ERROR_COLUMN = 500


class DuplicateInstallationError(Exception):
    """There is a row of this scope for this exact URL: the user's own, or the project's shared one."""


class ServiceState:
    """The tables of one service.

    Tests read and change the lists directly, so iterate over copies, and hold the lock to check and then write.
    """

    def __init__(self, *, upstream_timeout: float, version: ServiceVersion, development: bool) -> None:
        self.upstream_timeout = upstream_timeout
        # A test that shortens the proxy's timeout wants this one to be short as well.
        self.provider_timeout = min(_PROVIDER_TIMEOUT, upstream_timeout)
        self.version: ServiceVersion = version
        self.development = development
        self.requires_login = False
        self.approve_new_tools = False
        self.sync_tools_after_install = True
        self.keys: dict[str, ApiKey] = {}
        self.projects: dict[str, ProjectRecord] = {DEFAULT_PROJECT_ID: ProjectRecord(id=DEFAULT_PROJECT_ID)}
        self.current_project_ids: dict[str, str] = {}
        self.installations: list[InstallationRecord] = []
        self.oauth_servers: list[OAuthServerRecord] = []
        self.templates: list[TemplateRecord] = []
        self.requests: list[RecordedRequest] = []
        self.upstreams: dict[str, UpstreamTarget] = {}
        self.faults: list[Fault] = []
        self.before_each: Callable[[RecordedRequest], None] | None = None
        self.environments: Environments = "deprecated" if version >= "2026-09" else "served"
        self.serves_projects = version >= "2026-09"
        self.throttle = Throttle({})
        self.flows = Flows()
        self.refresh_lock = KeyedLock()
        self.sessions: dict[str, str] = {}
        self.in_flight = 0
        self.most_in_flight = 0
        self._lock = RLock()
        self._clock_offset = timedelta()
        self._latest = datetime.min.replace(tzinfo=UTC)

    def now(self) -> datetime:
        """The current time, always later than any time returned before.

        This makes "newest first" exact, and every save a visible change of `updated_at`.
        """
        with self._lock:
            self._latest = max(datetime.now(UTC) + self._clock_offset, self._latest + timedelta(microseconds=1))
            return self._latest

    def advance(self, seconds: float) -> None:
        with self._lock:
            self._clock_offset += timedelta(seconds=seconds)

    def next_fault(self, method: str, path: str) -> Fault | None:
        """The fault to apply to this request, if any."""
        with self._lock:
            return next((fault for fault in list(self.faults) if fault.takes(method, path)), None)

    def request_began(self) -> None:
        with self._lock:
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)

    def request_ended(self) -> None:
        with self._lock:
            self.in_flight -= 1

    def add_project(self) -> str:
        with self._lock:
            project_id = str(len(self.projects) + 1)
            self.projects[project_id] = ProjectRecord(id=project_id)
            return project_id

    def current_project_id(self, user: str) -> str:
        return self.current_project_ids.get(user, DEFAULT_PROJECT_ID)

    def rows(self, *, user: str, project_id: str) -> list[InstallationRecord]:
        """The rows that the user sees in the project, newest first: the user's own, and the shared ones."""
        in_project = (row for row in list(self.installations) if row.project_id == project_id)
        visible = (row for row in in_project if row.user == user or row.scope == "shared")
        return sorted(visible, key=lambda row: row.created_at, reverse=True)

    def row(self, row_id: UUID, *, user: str, project_id: str) -> InstallationRecord | None:
        visible = self.rows(user=user, project_id=project_id)
        return next((row for row in visible if row.id == row_id), None)

    def row_for_url(
        self, url: str, *, user: str, project_id: str, scope: InstallationScope = "personal"
    ) -> InstallationRecord | None:
        """The user's personal row with this URL, or the shared one, whose owner may be somebody else.

        URLs are compared as sent: `/mcp` and `/mcp/` are two installations.
        """
        of_scope = (row for row in self.rows(user=user, project_id=project_id) if row.scope == scope)
        return next((row for row in of_scope if row.url == url), None)

    def insert(
        self,
        *,
        url: str,
        user: str,
        project_id: str,
        scope: InstallationScope = "personal",
        tools: Mapping[str, ToolRecord | ToolState] | None = None,
        **fields: Any,
    ) -> InstallationRecord:
        """Add a row. `fields` are those of InstallationRecord.

        Raises:
            DuplicateInstallationError: This URL is already installed in this project.
        """
        with self._lock:
            if self.row_for_url(url, user=user, project_id=project_id, scope=scope) is not None:
                raise DuplicateInstallationError
            now = self.now()
            row = InstallationRecord(
                url=url,
                user=user,
                project_id=project_id,
                scope=scope,
                created_at=now,
                updated_at=now,
                version=self.version,
                **fields,
            )
            row.tools = tools
            self.installations.append(row)
            return row

    def find_or_insert(
        self, *, url: str, user: str, project_id: str, scope: InstallationScope = "personal", **fields: Any
    ) -> tuple[InstallationRecord, bool]:
        """The row with this URL, and whether it was created, with these fields."""
        with self._lock:
            row = self.row_for_url(url, user=user, project_id=project_id, scope=scope)
            if row is not None:
                return row, False
            return self.insert(url=url, user=user, project_id=project_id, scope=scope, **fields), True

    def register_server(self, row: InstallationRecord) -> None:
        """Add the row's server to those that the project has installed. It starts out enabled."""
        self.projects[row.project_id].servers.setdefault(row.url, True)

    def change(self, row: InstallationRecord, changes: dict[str, Any]) -> None:
        """Save a row. Saving changes `updated_at` even if nothing else changes."""
        with self._lock:
            for name, value in changes.items():
                setattr(row, name, value)
            row.updated_at = self.now()

    def choose(self, row: InstallationRecord, tool: ToolRecord, state: ApprovalState) -> None:
        """Save the choice of the row's owner."""
        with self._lock:
            tool.approval_state = tool.choices[row.user] = state
            tool.updated_at = self.now()

    def record_sync(self, row: InstallationRecord, error: str = "") -> None:
        """Record the outcome of reading the row's tools, which does not change `updated_at`."""
        with self._lock:
            row.last_sync_error = error[:_SYNC_ERROR_COLUMN]
            if not error:
                row.last_synced_at = self.now()

    def catalogue(self, project_id: str) -> list[TemplateRecord]:
        """The templates that can be installed in the project."""
        active = [template for template in list(self.templates) if template.is_active]
        return [template for template in active if template.projects is None or project_id in template.projects]

    def template(self, template_id: UUID | None, *, project_id: str) -> TemplateRecord | None:
        return next((template for template in self.catalogue(project_id) if template.id == template_id), None)

    def remove(self, row: InstallationRecord) -> None:
        with self._lock:
            self.installations[:] = [other for other in self.installations if other is not row]

    def oauth_server(self, server_id: UUID) -> OAuthServerRecord | None:
        return next((server for server in list(self.oauth_servers) if server.id == server_id), None)

    def registration(self, issuer: str) -> OAuthServerRecord | None:
        return next((server for server in list(self.oauth_servers) if server.issuer == issuer), None)

    def register_with_issuer(self, issuer: str, *, name: str, **fields: Any) -> OAuthServerRecord:
        """The record of the issuer, created by the first call. Later calls do not change its name."""
        with self._lock:
            return self.registration(issuer) or self.add_oauth_server(issuer, name=name, **fields)

    def add_oauth_server(self, issuer: str, *, name: str, **fields: Any) -> OAuthServerRecord:
        """Add a record. `fields` are those of OAuthServerRecord; without them, there is no real provider."""
        made_up: dict[str, Any] = {"authorization_endpoint": f"{issuer}/authorize", "client_id": secrets.token_hex(8)}
        server = OAuthServerRecord(issuer=issuer, name=name, **{**made_up, **fields})
        self.oauth_servers.append(server)
        return server
