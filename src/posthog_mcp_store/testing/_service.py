"""The public class of the embedded service."""

import itertools
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, get_args

from ._api.app import build_app
from ._asgi.server import serve_app
from ._model.faults import Fault
from ._model.installations import InstallationRecord, InstallationScope
from ._model.projects import ProjectRecord
from ._model.records import (
    ApiKey,
    Environments,
    OAuthServerRecord,
    RecordedRequest,
    ServiceVersion,
    TemplateRecord,
)
from ._model.state import DEFAULT_PROJECT_ID, DuplicateInstallationError, ServiceState, UpstreamTarget
from ._model.throttling import Throttle
from ._model.tools import ToolRecord, ToolState
from ._model.urls import refusal

DEFAULT_USER = "alice"


class EmbeddedService:
    """An embedded MCP store. Instances share nothing, and contact only MCP servers you add and their OAuth providers.

    Use `app` in process, through `httpx.ASGITransport(app=service.app)`, or `serve()` it over HTTP, or both
    at once. Its lists are live: rows may be changed, added and removed between requests.

    Attributes:
        app: The ASGI application.
        project_id: The id of the default project.
        api_key: A key of the default user, `alice`, with the scopes `project:read` and `project:write`.

    Args:
        create_works: Support create as documented, with a 201. PostHog Cloud responds with 405.
        upstream_timeout: Seconds that the proxy waits for an MCP server: for the headers of its response, and then for
            each chunk of the body. The service's own requests to OAuth providers time out after 10 seconds, or after
            this time if it is shorter.
        version: The version of the service to imitate, as a month. `2026-09`, the default, is today's PostHog Cloud;
            `2026-04` is an instance that has not been updated since spring 2026. It has no tools, templates and shared
            installations, and is served under `/api/environments/` only.
        development: Also accept `http://localhost` callbacks, as a development instance does.
        approve_new_tools: Approve the tools of new installations, so that they can be called immediately. PostHog makes
            users approve each tool first. Can be changed later.
        requires_login: Whether the browser that ends an OAuth flow must be logged in with `login_url`, as PostHog Cloud
            demands since 2026-09. By default, only a browser that is logged in as another user is refused. Can be
            changed later.

    Raises:
        ValueError: `version` is unknown.
    """

    def __init__(
        self,
        *,
        create_works: bool = False,
        upstream_timeout: float = 180.0,
        version: ServiceVersion = "2026-09",
        development: bool = False,
        approve_new_tools: bool = False,
        requires_login: bool = False,
    ) -> None:
        _require_one_of(version, ServiceVersion)
        self._state = ServiceState(upstream_timeout=upstream_timeout, version=version, development=development)
        self.approve_new_tools = approve_new_tools
        self.requires_login = requires_login
        self._base_url: str | None = None
        self._numbers = itertools.count(1)
        self.app = build_app(self._state, create_works=create_works)
        self.project_id = DEFAULT_PROJECT_ID
        self.api_key = self.add_key(user=DEFAULT_USER, scopes=("project:read", "project:write")).token

    @property
    def installations(self) -> list[InstallationRecord]:
        """Every user's rows in every project, oldest first."""
        return self._state.installations

    @property
    def oauth_servers(self) -> list[OAuthServerRecord]:
        """The service's registrations with OAuth issuers, oldest first."""
        return self._state.oauth_servers

    @property
    def templates(self) -> list[TemplateRecord]:
        """The catalogue."""
        return self._state.templates

    @property
    def requests(self) -> list[RecordedRequest]:
        """The received requests, in order. `requests.clear()` resets the list between the phases of a test."""
        return self._state.requests

    @property
    def before_each(self) -> Callable[[RecordedRequest], None] | None:
        """Called with each request when it arrives, before it is handled, for example to change rows.

        While the service is served, it is called in the server's thread.
        """
        return self._state.before_each

    @before_each.setter
    def before_each(self, hook: Callable[[RecordedRequest], None] | None) -> None:
        self._state.before_each = hook

    @property
    def in_flight(self) -> int:
        """The number of requests being handled. Each counts from its arrival to the last byte of its response."""
        return self._state.in_flight

    @property
    def most_in_flight(self) -> int:
        """The highest value of `in_flight` so far. May be reset to 0 between the phases of a test."""
        return self._state.most_in_flight

    @most_in_flight.setter
    def most_in_flight(self, number: int) -> None:
        self._state.most_in_flight = number

    @property
    def approve_new_tools(self) -> bool:
        """Whether tools are approved when the service reads them from an MCP server for the first time."""
        return self._state.approve_new_tools

    @approve_new_tools.setter
    def approve_new_tools(self, approve: bool) -> None:
        self._state.approve_new_tools = approve

    @property
    def sync_tools_after_install(self) -> bool:
        """Whether the service reads the tools after an installation and after an OAuth flow. By default it does.

        PostHog does so in the background. Here it is done before the response is sent, so that tests need not wait.
        With False, a new installation has no tools until `tools/refresh`, as in the first seconds at PostHog.
        """
        return self._state.sync_tools_after_install

    @sync_tools_after_install.setter
    def sync_tools_after_install(self, sync: bool) -> None:
        self._state.sync_tools_after_install = sync

    @property
    def requires_login(self) -> bool:
        """Whether the browser that ends an OAuth flow must be logged in with `login_url`. Not in version 2026-04."""
        return self._state.requires_login

    @requires_login.setter
    def requires_login(self, required: bool) -> None:
        self._state.requires_login = required

    @property
    def faults(self) -> list[Fault]:
        """The injected faults, including used-up ones; the first match applies. `faults.clear()` removes them all."""
        return self._state.faults

    def inject(self, fault: Fault) -> Fault:
        """Apply the fault to requests from now on.

        Args:
            fault: The fault. It is returned, so that you can read its `hits`.
        """
        self._state.faults.append(fault)
        return fault

    def throttle(
        self,
        *,
        default: Sequence[tuple[int, float]] = (),
        mcp_oauth: Sequence[tuple[int, float]] = (),
        mcp_proxy: Sequence[tuple[int, float]] = (),
    ) -> None:
        """Limit calls from now on. Each rate is a pair of calls and seconds, counted in a sliding window.

        Earlier calls are forgotten. A scope without rates has no limit.

        Args:
            default: Limits a key's calls to all operations except the ones below. PostHog Cloud has
                `[(480, 60), (4800, 3600)]`.
            mcp_oauth: Limits a user's calls to install_custom, install_template, authorize and tools/refresh together.
                PostHog Cloud has `[(10, 60), (50, 3600)]`.
            mcp_proxy: Limits a user's calls to the proxy and call_tool together. PostHog Cloud has
                `[(60, 60), (600, 3600)]`.
        """
        self._state.throttle = Throttle({"default": default, "mcp_oauth": mcp_oauth, "mcp_proxy": mcp_proxy})

    @property
    def environments(self) -> Environments:
        """How requests under `/api/environments/` are handled.

        They are `served`; or `redirected` to `/api/projects/` with a 307; or `deprecated`, that is, served as requests
        under `/api/projects/`, with deprecation headers; or `missing`, a 404. The default is `deprecated` in version
        2026-09 and `served` in 2026-04.
        """
        return self._state.environments

    @environments.setter
    def environments(self, environments: Environments) -> None:
        _require_one_of(environments, Environments)
        self._state.environments = environments

    @property
    def serves_projects(self) -> bool:
        """Whether requests under `/api/projects/` are served. The default is False in version 2026-04 only.

        They always are where `/api/environments/` is redirected or deprecated.
        """
        return self._state.serves_projects

    @serves_projects.setter
    def serves_projects(self, serves: bool) -> None:
        self._state.serves_projects = serves

    def project(self, project_id: str | None = None) -> ProjectRecord:
        """The project's admins and settings, which may be changed.

        Args:
            project_id: The project, by default the default one.

        Raises:
            ValueError: There is no such project.
        """
        return self._state.projects[self._require_project(project_id or self.project_id)]

    def add_project(self, *, current_for: Iterable[str] = ()) -> str:
        """Add a project and return its id.

        Args:
            current_for: The users whose `@current` project it becomes.
        """
        project_id = self._state.add_project()
        self._state.current_project_ids.update(dict.fromkeys(current_for, project_id))
        return project_id

    def add_key(
        self,
        *,
        user: str = DEFAULT_USER,
        scopes: Iterable[str] = ("project:read",),
        projects: Iterable[str] | None = None,
    ) -> ApiKey:
        """Add a personal API key.

        Args:
            user: The name of its owner. Users need not be added first.
            scopes: Its scopes. `*` includes all others, and a `:write` scope includes its `:read`.
            projects: The ids of the projects to which the key is limited; None if it is not.

        Raises:
            ValueError: There is no such project.
        """
        limits = None if projects is None else tuple(projects)
        for project_id in limits or ():
            self._require_project(project_id)
        key = ApiKey(f"phx_{secrets.token_urlsafe(32)}", user, tuple(scopes), limits)
        self._state.keys[key.token] = key
        return key

    def add_oauth_server(
        self,
        *,
        issuer: str = "https://auth.example.com",
        name: str = "",
        authorization_endpoint: str | None = None,
    ) -> OAuthServerRecord:
        """Register the service with an OAuth issuer, as an installation would.

        Args:
            issuer: The URL that identifies the issuer.
            name: The server's name, as installations of version 2026-04 show it.
            authorization_endpoint: The URL of its consent page, by default below the issuer.
        """
        endpoint = {} if authorization_endpoint is None else {"authorization_endpoint": authorization_endpoint}
        return self._state.add_oauth_server(issuer, name=name, **endpoint)

    def add_installation(
        self,
        *,
        url: str | None = None,
        user: str = DEFAULT_USER,
        project_id: str | None = None,
        display_name: str = "Example server",
        description: str = "",
        auth_type: str = "api_key",
        api_key: str = "upstream-key",
        is_enabled: bool = True,
        needs_reauth: bool = False,
        pending_oauth: bool = False,
        server: OAuthServerRecord | None = None,
        template: TemplateRecord | None = None,
        scope: InstallationScope = "personal",
        last_sync_error: str = "",
        tools: Mapping[str, ToolRecord | ToolState] | None = None,
    ) -> InstallationRecord:
        """Add a row as if the user had installed it. It is usable immediately, unless the arguments say otherwise.

        Args:
            url: The MCP server's URL, by default a new one.
            user: The name of its owner.
            project_id: The id of its project, by default the default one.
            display_name: The user's own name for it.
            description: The user's description.
            auth_type: `api_key`, `oauth`, or any other text.
            api_key: The MCP server's key.
            is_enabled: Whether the proxy accepts calls for it.
            needs_reauth: Whether its tokens are known to be invalid. Only for `oauth`.
            pending_oauth: Whether the OAuth flow is unfinished. Set the row's `access_token` to finish it. Only for
                `oauth`.
            server: Its registration with an OAuth issuer, by default a new one for `oauth`.
            template: The template that it was installed from.
            scope: `personal` if only its owner can use it, or `shared` if the other users of the project see it, too.
            last_sync_error: Why reading its tools from the server failed the last time.
            tools: Its tools, by name. Each is a ToolRecord or a state: `approved`, `needs_approval`, `do_not_use`,
                `disabled` (the same), `blocked_by_team` (`do_not_use`, decided by the team), or `removed` (the server
                no longer has it). Only calls of approved tools are passed on. By default, all calls are.

        Raises:
            ValueError: The user has this `url` installed already, there is no such project, or the arguments contradict
                each other.
        """
        is_oauth = auth_type == "oauth"
        if not is_oauth and (needs_reauth or pending_oauth):
            raise ValueError("needs_reauth and pending_oauth are always false unless auth_type is 'oauth'")
        if server is None and is_oauth:
            server = self.add_oauth_server()
        try:
            row = self._state.insert(
                url=url if url is not None else f"https://mcp-{next(self._numbers)}.example.com/mcp",
                user=user,
                project_id=self._require_project(project_id or self.project_id),
                display_name=display_name,
                description=description,
                auth_type=auth_type,
                api_key="" if is_oauth else api_key,
                access_token="upstream-token" if is_oauth and not pending_oauth else "",
                is_enabled=is_enabled,
                needs_reauth=needs_reauth,
                server=server,
                template=template,
                scope=scope,
                last_sync_error=last_sync_error,
                tools=tools,
            )
        except DuplicateInstallationError:
            raise ValueError(f"{user} has {url} installed already") from None
        if tools is not None and not last_sync_error:
            row.last_synced_at = row.created_at
        self._state.register_server(row)
        return row

    def add_template(
        self,
        *,
        name: str,
        url: str,
        auth_type: str = "oauth",
        description: str = "",
        docs_url: str = "",
        icon_key: str = "",
        icon_domain: str = "",
        category: str = "dev",
        server: OAuthServerRecord | None = None,
    ) -> TemplateRecord:
        """Add a server to the catalogue. `add_mcp_server` lets the service reach it.

        Args:
            name: The server's name.
            url: The MCP server's URL, which must look public.
            auth_type: `oauth` or `api_key`.
            description: The catalogue's description of the server.
            docs_url: The URL of the vendor's documentation.
            icon_key: The deprecated name of its icon.
            icon_domain: The domain of its brand.
            category: The category in the catalogue.
            server: PostHog's own client at the server's OAuth provider. By default each installation registers one, as
                custom installations do.

        Raises:
            ValueError: The service would refuse the URL.
        """
        self._require_public(url)
        template = TemplateRecord(
            name=name,
            url=url,
            auth_type=auth_type,
            description=description,
            docs_url=docs_url,
            icon_key=icon_key,
            icon_domain=icon_domain,
            category=category,
            server=server,
        )
        self._state.templates.append(template)
        return template

    def approve_tools(self, installation: InstallationRecord | None = None) -> None:
        """Approve the tools that the service knows now, as their owners could.

        Args:
            installation: The installation whose tools to approve, by default all.
        """
        rows = list(self.installations) if installation is None else [installation]
        for row in rows:
            for tool in row.tools.sorted() if row.tools is not None else ():
                self._state.choose(row, tool, "approved")

    def add_mcp_server(self, url: str, target: UpstreamTarget) -> None:
        """Let the service reach an MCP server, for all installations with exactly this `url`.

        The proxy forwards calls to it, and installing it with OAuth discovers its provider, which has to be on this
        machine.

        Args:
            url: The URL of the installations. It must look public, because the service refuses all others.
            target: The server to contact instead: an ASGI application, called in this process, or the URL of an
                endpoint, such as `http://127.0.0.1:1234/mcp`. Use `serve_app` for applications that need their
                lifespan run, such as those of the package `mcp`.

        Raises:
            ValueError: The service would refuse the URL.
        """
        self._require_public(url)
        self._state.upstreams[url] = target

    def login_url(self, user: str = DEFAULT_USER) -> str:
        """The URL of a page that logs the browser in, see `requires_login`.

        Args:
            user: The user to log in as.

        Raises:
            RuntimeError: The service is not being served.
        """
        session = secrets.token_urlsafe(32)
        self._state.sessions[session] = user
        return f"{self.base_url}/login/{session}"

    def advance(self, seconds: float) -> None:
        """Advance the service's clock, so that flows and tokens expire. Rate limits and providers are not affected.

        Args:
            seconds: By how much to advance it.
        """
        self._state.advance(seconds)

    @contextmanager
    def serve(self) -> Iterator[str]:
        """Serve over HTTP on a free port of 127.0.0.1, and yield the base URL, without a trailing slash."""
        with serve_app(self.app) as base_url, self.served_at(base_url):
            yield base_url

    @contextmanager
    def served_at(self, base_url: str) -> Iterator[None]:
        """Set `base_url` while another server, such as one that several tests share, serves `app` there.

        Args:
            base_url: The URL of the server, without a trailing slash.

        Raises:
            RuntimeError: The service is being served already.
        """
        if self._base_url is not None:
            raise RuntimeError(f"already served at {self._base_url}")
        self._base_url = base_url
        try:
            yield
        finally:
            self._base_url = None

    @property
    def base_url(self) -> str:
        """The URL at which the service is being served.

        Raises:
            RuntimeError: It is not being served.
        """
        if self._base_url is None:
            raise RuntimeError("not served: this needs `with service.serve():` around it")
        return self._base_url

    def _require_public(self, url: str) -> None:
        reason = refusal(url)
        if reason is not None:
            raise ValueError(f"the service would refuse to contact {url}: {reason}. Local addresses belong in `target`")

    def _require_project(self, project_id: str) -> str:
        if project_id not in self._state.projects:
            raise ValueError(f"no project {project_id!r}: add_project() returns the id of a new one")
        return project_id


def _require_one_of(value: str, choices: Any) -> None:
    if value not in get_args(choices):
        raise ValueError(f"{value!r} is not one of {', '.join(map(repr, get_args(choices)))}")
