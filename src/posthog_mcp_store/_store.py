"""`MCPStore`: where a user starts."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Self

from ._adapter import Adapter, LowLevelClient
from ._core.defaults import MAX_CONCURRENCY, MAX_RESPONSE_BYTES, MAX_RETRIES, MAX_RETRY_AFTER
from ._core.hosts import checked_host
from ._core.secret import as_secret
from ._installations import Installations
from ._oauth.polling import SharedPolls
from ._request.pipeline import Pipeline
from ._request.settings import APIKey, APIPrefix, OnResponse, Settings, configured_host
from ._request.state import StoreState
from ._transport.manager import TransportManager, TransportName

if TYPE_CHECKING:
    import httpx

    from ._ratelimit.local import RateLimiter


class MCPStore:
    """The MCP servers that users of PostHog installed.

    ```python
    async with MCPStore() as store:
        async for installation in store.installations.list():
            print(installation.name)
    ```
    """

    def __init__(
        self,
        api_key: APIKey | None = None,
        *,
        project_id: str | int | None = None,
        host: str | None = None,
        timeout: float | None = None,
        max_retries: int = MAX_RETRIES,
        max_concurrency: int = MAX_CONCURRENCY,
        http_client: httpx.AsyncClient | None = None,
        transport: TransportName = "httpx",
        rate_limiter: RateLimiter | None = None,
        max_retry_after: float = MAX_RETRY_AFTER,
        max_response_bytes: int = MAX_RESPONSE_BYTES,
        api_prefix: APIPrefix = "environments",
        allow_insecure_host: bool = False,
    ) -> None:
        """Nothing is sent and nothing opened until the first call.

        Args:
            api_key: A personal API key, or a callable, plain or async, that is asked for one before every request;
                else the environment's `POSTHOG_PERSONAL_API_KEY`.
            project_id: The project's number, or `@current` for the current project of the key's owner; else
                `POSTHOG_PROJECT_ID`, else `@current`.
            host: The service's URL; else `POSTHOG_HOST`, else `https://us.posthog.com`.
            timeout: Seconds to wait for each step of the network. Unless given, what fits the operation: 30, for
                `install_custom` and `authorize` 60, for the proxy 190.
            max_retries: How often a call is sent again that failed in a way that may pass. Calls that the service could
                act on twice are only repeated where it certainly did not act on them. 0 switches it off.
            max_concurrency: How many requests are under way at once; further ones queue.
            http_client: A client of your own to send with. It is neither changed nor closed. The SDK takes its
                connections, proxies, event hooks and default headers as they are at the first call, and never its
                redirects, auth, cookies, query parameters, timeouts or base URL.
            transport: `"aiohttp"` sends over aiohttp instead of httpx's own connections (extra `aiohttp`).
            rate_limiter: Paces calls before the service has to, so that a process or a fleet stays within its limits.
            max_retry_after: The longest wait, in seconds, that a call sits out when the service asks for it
                (Retry-After). Where it asks for more, the error comes at once and carries it.
            max_response_bytes: The largest body of an answer that is read, decompressed.
            api_prefix: The part of the service's paths that it is about to change: `/api/environments/...`, which every
                instance has, or `/api/projects/...`.
            allow_insecure_host: Allow plain http to a host that is not this machine.

        Raises:
            ConfigurationError: A value is missing or wrong.
        """
        key = as_secret(api_key)
        del api_key
        settings = Settings(
            host=checked_host(configured_host(host), allow_insecure=allow_insecure_host),
            api_key=key,
            project_id=project_id,
            timeout=timeout,
            max_retries=max_retries,
            max_retry_after=max_retry_after,
            max_response_bytes=max_response_bytes,
            api_prefix=api_prefix,
        )
        connections = TransportManager(
            http_client,
            max_concurrency=max_concurrency,
            name=transport,
            host=settings.host,
        )
        self._setup(settings, StoreState(connections, rate_limiter), {}, is_view=False)

    def _setup(self, settings: Settings, state: StoreState, polls: dict[str, SharedPolls], *, is_view: bool) -> None:
        self._settings = settings
        self._state = state
        self._polls = polls
        self._is_view = is_view

    def with_options(
        self,
        *,
        project_id: str | int | None = None,
        timeout: float | None = None,
        max_retries: int | None = None,
        deadline: float | None = None,
        headers: Mapping[str, str] | None = None,
        on_response: OnResponse | None = None,
    ) -> Self:
        """A view on this store with other settings and the same connections. What is not given stays as it is.

        `deadline`, in seconds, bounds a call whole: attempts, waits and queueing together. `headers` are sent with
        every request, besides those set before. `on_response` is told of every answer as plain data, errors included;
        what it raises, the call raises.
        Closing the view closes nothing; it is closed with its store.
        """
        settings = self._settings.evolved(
            project_id=project_id,
            timeout=timeout,
            max_retries=max_retries,
            deadline=deadline,
            headers=headers,
            on_response=on_response,
        )
        view = type(self).__new__(type(self))
        view._setup(settings, self._state, self._polls, is_view=True)  # noqa: SLF001  # an object of this very class
        return view

    @cached_property
    def installations(self) -> Installations:
        """The installations in the project."""
        return Installations(self._adapter, self._polls.setdefault(self._settings.project_id, SharedPolls()))

    @cached_property
    def lowlevel(self) -> LowLevelClient:
        """The generated client, authenticated and sending as this store does, for what the SDK does not cover.

        Hand it to the functions in `posthog_mcp_store.lowlevel.api`. Error statuses raise the SDK's errors here too;
        what those functions can't read of a success, they refuse with ValueError or TypeError of their own.
        """
        return self._adapter.client

    @cached_property
    def _adapter(self) -> Adapter:
        settings = self._settings
        pipeline = Pipeline(settings, self._state)
        return Adapter(pipeline, host=settings.host, api_prefix=settings.api_prefix, project_id=settings.project_id)

    async def aclose(self) -> None:
        """Close the connections, unless they are of your own `http_client`. Calls after that raise an error."""
        if not self._is_view:
            await self._state.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        # Crash reporters ask for it of a store that could not be made, too.
        settings: Settings | None = vars(self).get("_settings")
        return f"MCPStore(host={settings.host!r}, project_id={settings.project_id!r})" if settings else "MCPStore()"
