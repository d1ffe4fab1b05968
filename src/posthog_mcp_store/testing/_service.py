"""The embedded service as tests hold it."""

import itertools
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from ._app import build_app
from ._records import ApiKey, InstallationRecord, OAuthServerRecord, RecordedRequest
from ._server import serve_app
from ._state import DEFAULT_PROJECT_ID, AlreadyInstalledError, ServiceState, UpstreamTarget
from ._urls import refusal

DEFAULT_USER = "alice"


class EmbeddedService:
    """An MCP store of its own: instances share nothing, and the outside world is never contacted.

    Use `app` in process, through `httpx.ASGITransport(app=service.app)`, or `serve()` it over HTTP, or both
    at once. Its lists are live: rows may be changed, added and removed between requests.

    Args:
        create_works: Answer create as documented, with 201. The hosted service answers 405.
        upstream_timeout: Seconds that the proxy waits for an MCP server to begin its answer.
    """

    def __init__(self, *, create_works: bool = False, upstream_timeout: float = 180.0) -> None:
        self._state = ServiceState(upstream_timeout=upstream_timeout)
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
        return self._state.oauth_servers

    @property
    def requests(self) -> list[RecordedRequest]:
        """What arrived, in order. `requests.clear()` between the phases of a test is fine."""
        return self._state.requests

    def add_project(self, *, current_for: Iterable[str] = ()) -> str:
        """Add a project and return its id. For the users named, `@current` means it from now on."""
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
        """Add a personal API key; the user need not be known before.

        The scope `*` covers all, and a `:write` scope its `:read`. Where `projects` are given, it may be used on no
        others.
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
        """Register the service with an OAuth issuer, as the first installation that uses the issuer does."""
        return self._state.add_oauth_server(issuer, name=name, authorization_endpoint=authorization_endpoint)

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
    ) -> InstallationRecord:
        """Add a row as if the user had installed it: usable at once, unless the arguments say otherwise.

        By default the `url` is one that no other row has, and an `oauth` row gets a `server` record of its own.
        With `pending_oauth` the OAuth flow is left unfinished; setting the row's `access_token` finishes it.
        """
        is_oauth = auth_type == "oauth"
        if not is_oauth and (needs_reauth or pending_oauth):
            raise ValueError("needs_reauth and pending_oauth are always false unless auth_type is 'oauth'")
        if server is None and is_oauth:
            server = self.add_oauth_server()
        try:
            return self._state.insert(
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
            )
        except AlreadyInstalledError:
            raise ValueError(f"{user} has {url} installed already") from None

    def add_mcp_server(self, url: str, target: UpstreamTarget) -> None:
        """Let the proxy reach an MCP server for every installation of `url`, compared letter for letter.

        Args:
            url: What installations name: a public-looking URL, for the service refuses all others.
            target: What stands in for it: an ASGI application, called in this process, or the URL of an
                endpoint, such as `http://127.0.0.1:1234/mcp`. An application that needs its lifespan run, as
                those of the package `mcp` do, goes through `serve_app`.
        """
        reason = refusal(url)
        if reason is not None:
            raise ValueError(f"the service would refuse to contact {url}: {reason}. Local addresses belong in `target`")
        self._state.upstreams[url] = target

    @contextmanager
    def serve(self) -> Iterator[str]:
        """Serve over HTTP on a free port of 127.0.0.1, and yield the base URL, without a slash at its end."""
        if self._base_url is not None:
            raise RuntimeError(f"already served at {self._base_url}")
        with serve_app(self.app) as base_url:
            self._base_url = base_url
            try:
                yield base_url
            finally:
                self._base_url = None

    @property
    def base_url(self) -> str:
        """Where the service is being served."""
        if self._base_url is None:
            raise RuntimeError("not served: this needs `with service.serve():` around it")
        return self._base_url

    def _require_project(self, project_id: str) -> str:
        if project_id not in self._state.project_ids:
            raise ValueError(f"no project {project_id!r}: add_project() returns the id of a new one")
        return project_id
