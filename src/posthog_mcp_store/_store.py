"""`MCPStore`, the entry point of the SDK."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Self, get_args

from attrs import frozen

from ._adapter import Adapter, LowLevelClient
from ._core import validation
from ._core.defaults import MAX_CONCURRENCY, MAX_RESPONSE_BYTES, MAX_RETRIES, MAX_RETRY_AFTER
from ._core.hosts import checked_host
from ._core.keyword_hints import OPTIONS, explain_keywords
from ._core.secret import as_secret
from ._installations import Installations
from ._oauth.polling import PollsInUse
from ._request.api_prefix import APIPrefix, LearnedPrefix
from ._request.owners import Owners
from ._request.pipeline import Pipeline
from ._request.settings import APIKey, OnConnectionError, OnResponse, Settings, configured_host
from ._request.state import StoreState
from ._templates import Templates
from ._transport.manager import TransportManager, TransportName

if TYPE_CHECKING:
    import httpx

    from ._ratelimit.protocol import RateLimiter


@frozen
class _Shared:
    """What a store shares with its views."""

    state: StoreState
    owners: Owners
    polls: PollsInUse


@explain_keywords
class MCPStore:
    """A client for the MCP servers that users of PostHog have installed.

    ```python
    async with MCPStore() as store:
        async for installation in store.installations.list():
            print(installation.name)
    ```

    Create one store for each running event loop. Many tasks may share it, and it can act for many users:
    `with_options(api_key=...)` returns a view for each of them. In another event loop, while its own is still open,
    every call raises ConfigurationError. It runs on asyncio only.
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
        api_prefix: APIPrefix | None = None,
        allow_insecure_host: bool = False,
    ) -> None:
        """Nothing is sent and no connection is opened until the first call.

        Args:
            api_key: A personal API key, or a callable, plain or async, that returns one and is called before every
                request. Defaults to the environment variable `POSTHOG_PERSONAL_API_KEY`.
            project_id: The project's number, or `@current` for the project that the key's owner last used. Defaults to
                `POSTHOG_PROJECT_ID`, or else `@current`.
            host: The service's URL. Defaults to `POSTHOG_HOST`, or else `https://us.posthog.com`.
            timeout: Seconds to wait for each network operation: connecting (at most 10), sending, and receiving each
                part of the response. By default 60 for installing, authorizing, `refresh_tools()` and
                `available_tools()`, 190 for the proxy, 250 for `call_tool()` and 30 for all other calls.
            max_retries: How often to retry a call after a transient failure; 0 disables retries. Calls that are not
                idempotent are only retried if the service certainly did not act on them.
            max_concurrency: The maximum number of simultaneous requests; all others wait in a queue.
            http_client: Your own client to send requests with. It is neither modified nor closed. The SDK uses its
                connections, proxies, event hooks and default headers as of the first call, but not its redirects, auth,
                cookies, query parameters, timeouts or base URL.
            transport: The HTTP library: `httpx`, or `aiohttp` (extra `aiohttp`), which takes less processor time.
            rate_limiter: Delays calls, so that a process or a fleet stays within the service's rate limits. The SDK's
                own limiters count the calls of each API key separately.
            max_retry_after: The longest wait in seconds that a call accepts when the service asks for one
                (`Retry-After`). If it asks for a longer one, the error is raised immediately, with `retry_after`.
            max_response_bytes: The maximum size of a response body in bytes, after decompression.
            api_prefix: `environments` or `projects`: whether paths begin with `/api/environments/` or with
                `/api/projects/`. By default the store finds out, and tries `environments` first.
            allow_insecure_host: Allow plain http to hosts other than this machine. Everyone on the way can then read
                the API key.

        Raises:
            ConfigurationError: A value is missing or not valid.
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
        )
        # The choice itself: Python's versions differ in the text of an enum that equals it.
        prefix = None if api_prefix is None else validation.one_of(get_args(APIPrefix), api_prefix, "api_prefix")
        connections = TransportManager(
            http_client,
            max_concurrency=max_concurrency,
            name=transport,
            host=settings.host,
        )
        state = StoreState(connections, LearnedPrefix(prefix))
        self._setup(settings, _Shared(state, Owners(state.pause, rate_limiter), PollsInUse()), is_view=False)

    def _setup(self, settings: Settings, shared: _Shared, *, is_view: bool) -> None:
        self._settings = settings
        self._shared = shared
        self._is_view = is_view

    def with_options(
        self,
        *,
        api_key: APIKey | None = None,
        project_id: str | int | None = None,
        timeout: float | None = None,
        max_retries: int | None = None,
        deadline: float | None = None,
        headers: Mapping[str, str] | None = None,
        on_response: OnResponse | None = None,
        on_connection_error: OnConnectionError | None = None,
    ) -> Self:
        """Return a view of this store with some settings changed, on the same connections.

        What is not given stays as it is in this store. Views cost next to nothing, so you can create one for each web
        request. Closing a view has no effect: it is closed with its store.

        Args:
            api_key: The key of another user, for whom the view acts, or a callable that returns it. All views with the
                same key share that user's pause after a 429, budget in the rate limiter, and polls; all users share
                `max_concurrency` fairly. A callable is one user, whatever keys it returns: pass the same callable, or
                an equal one, again.
            project_id: Another project: its number, or `@current`.
            timeout: Seconds to wait for each network operation.
            max_retries: How often to retry a call after a transient failure.
            deadline: The maximum number of seconds for a complete call: attempts, waits and time in queues together. A
                call that exceeds it raises APITimeoutError.
            headers: Headers to send with every request, in addition to those set before.
            on_response: A plain function that is called with a ResponseInfo for every response, including errors. If it
                raises an exception, so does the call.
            on_connection_error: A plain function that is called with a ConnectionErrorInfo for every attempt that got
                no response. If it raises an exception, so does the call.

        Raises:
            ConfigurationError: A value is not valid.
        """
        key = as_secret(api_key)
        del api_key
        settings = self._settings.evolved(
            api_key=key,
            project_id=project_id,
            timeout=timeout,
            max_retries=max_retries,
            deadline=deadline,
            headers=headers,
            on_response=on_response,
            on_connection_error=on_connection_error,
        )
        view = type(self).__new__(type(self))
        view._setup(settings, self._shared, is_view=True)  # noqa: SLF001  # an object of this very class
        return view

    @cached_property
    def installations(self) -> Installations:
        """An `Installations`, whose methods list, install, authorize and call the servers in the project."""
        return Installations(self._adapter, self._shared.polls)

    @cached_property
    def templates(self) -> Templates:
        """A `Templates`, which lists the catalogue of servers that can be installed in the project."""
        return Templates(self._adapter)

    @cached_property
    def lowlevel(self) -> LowLevelClient:
        """The generated client for what the SDK does not cover, with this store's authentication and settings.

        Pass it to the functions in `posthog_mcp_store.lowlevel.api`. Error statuses raise the SDK's errors, but a
        successful response that can't be decoded raises a plain ValueError or TypeError.
        """
        return self._adapter.low_level_client()

    @cached_property
    def _adapter(self) -> Adapter:
        settings, shared = self._settings, self._shared
        pipeline = Pipeline(settings, shared.state, shared.owners.of(settings.api_key))
        return Adapter(pipeline, host=settings.host, project_id=settings.project_id)

    async def aclose(self) -> None:
        """Close the connections, except those of your own `http_client`. Later calls raise ConfigurationError.

        `async with` does this at its end.
        """
        if not self._is_view:
            await self._shared.state.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        # Crash reporters also call it on a store whose `__init__` failed.
        settings: Settings | None = vars(self).get("_settings")
        return f"MCPStore(host={settings.host!r}, project_id={settings.project_id!r})" if settings else "MCPStore()"


OPTIONS.update({"store.with_options": MCPStore.with_options, "MCPStore": MCPStore})
