"""`store.installations`, with the operations of the API."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Literal, overload
from uuid import UUID

from ._adapter import UNSET, Adapter, AuthorizationStart, Installation, Unset
from ._core import validation
from ._core.asyncio_only import require_asyncio
from ._core.defaults import PAGE_CONCURRENCY, STREAM_TIMEOUT
from ._core.errors import ConfigurationError, NotFoundError, UnsafeRedirectError
from ._core.headers import Headers
from ._core.redaction import without_frames
from ._core.secret import as_secret
from ._mcp.toolbox import Toolbox, open_toolbox
from ._oauth.flow import FlowTracker
from ._oauth.polling import AuthorizationWait, OnProgress, SharedPolls
from ._oauth.redirect import AuthorizationRedirect
from ._pagination.page_data import ListSource
from ._pagination.pager import Pager
from ._proxy.call import ProxyCall
from ._proxy.requests import Message, SentRequests, check_size, checked_messages

if TYPE_CHECKING:
    from mcp import Client
    from mcp.client.session import ElicitationFnT, ListRootsFnT, LoggingFnT, MessageHandlerFnT, SamplingFnT
    from mcp_types import Implementation

    from ._mcp.connection import Connection

InstallSource = Literal["posthog", "posthog-code"]


class Installations:
    """The installations of the key's owner in one project.

    Every method can raise APIConnectionError, APIStatusError (with a subclass for each status), ResponseDecodeError
    and, before anything is sent, ConfigurationError.
    """

    def __init__(self, adapter: Adapter, polls: SharedPolls) -> None:
        self._adapter = adapter
        self._polls = polls

    def list(
        self, *, limit: int | None = None, offset: int = 0, concurrency: int = PAGE_CONCURRENCY
    ) -> Pager[Installation]:
        """List the installations, newest first. `limit` is the page size, 100 by default; the service has no maximum.

        ```python
        async for installation in store.installations.list(): ...
        page = await store.installations.list(limit=10)
        ```

        Iterating fetches up to `concurrency` pages ahead and keeps no more in memory. Every installation that exists
        all the time is returned exactly once, or ListUnstableError is raised. Without a `limit`, the pages of a list of
        more than 1,000 installations have 200 rows after the first page.
        """
        return Pager(
            # Integers compare faster than UUIDs and take less memory.
            ListSource(self._adapter.list, attrgetter("id.int")),
            limit=None if limit is None else validation.at_least(1, limit, "limit"),
            offset=validation.at_least(0, offset, "offset"),
            concurrency=validation.at_least(1, concurrency, "concurrency"),
        )

    async def create(
        self,
        *,
        url: str,
        display_name: str | Unset = UNSET,
        description: str | Unset = UNSET,
        auth_type: Literal["api_key", "oauth"] | Unset = UNSET,
        is_enabled: bool | Unset = UNSET,
        server_id: UUID | str | Unset = UNSET,
    ) -> Installation:
        """Create an installation. The hosted service does not support this: use `install_custom` instead.

        Raises:
            MethodNotAllowedError: The service does not support this operation.
            PermissionDeniedError: The key lacks the scope `project:write`.
        """
        return await self._adapter.create(
            url=url,
            display_name=display_name,
            description=description,
            auth_type=auth_type,
            is_enabled=is_enabled,
            server_id=server_id if isinstance(server_id, Unset) else validation.uuid(server_id, "server_id"),
        )

    async def retrieve(self, id: UUID | str) -> Installation:
        """Retrieve one installation.

        Raises:
            NotFoundError: The key's owner has no such installation in the project.
        """
        return await self._adapter.retrieve(validation.uuid(id, "id"))

    async def update(
        self,
        id: UUID | str,
        *,
        display_name: str | Unset = UNSET,
        description: str | Unset = UNSET,
        is_enabled: bool | Unset = UNSET,
    ) -> Installation:
        """Change the given fields. With an empty `display_name`, `name` falls back to the server record's name.

        Raises:
            NotFoundError: The key's owner has no such installation in the project.
            ValidationError: The service rejected a value; `attr` names the field.
        """
        # The service does not check this length and fails with a 500 (docs/service.md, section 5).
        if isinstance(display_name, str):
            validation.at_most(200, display_name, "display_name")
        return await self._adapter.partial_update(
            validation.uuid(id, "id"), display_name=display_name, description=description, is_enabled=is_enabled
        )

    async def delete(self, id: UUID | str) -> None:
        """Permanently delete the installation and its stored credentials.

        Raises:
            NotFoundError: The key's owner has no such installation in the project.
        """
        await self._adapter.destroy(validation.uuid(id, "id"))

    def proxy(
        self,
        id: UUID | str,
        message: Message | Sequence[Message],
        *,
        session_id: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> ProxyCall:
        """Send one JSON-RPC message, or a batch, to the installation's MCP server.

        ```python
        reply = await store.installations.proxy(id, message)

        async with store.installations.proxy(id, message) as stream:
            async for response in stream: ...
        ```

        Await it for the complete response, which may not exceed `max_response_bytes`. Enter it to receive each message
        as it arrives. There may be any number of messages, but none may exceed that size. A stream counts towards
        `max_concurrency` only until its response begins.

        `session_id` is sent as `Mcp-Session-Id`. The service drops all other MCP headers (docs/service.md, section 0)
        and accepts at most 1 MiB, counted as ASCII JSON (section 7).

        Raises:
            InstallationDisabledError: The installation is disabled.
            ReauthenticationRequiredError: The installation's own credentials are missing or no longer valid.
            UpstreamError: The MCP server can't be reached, or responded with an error status.
        """
        return self._proxy(id, message, session_id=session_id, headers=headers)

    def _proxy(
        self,
        id: UUID | str,
        message: Message | Sequence[Message],
        *,
        session_id: str | None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> ProxyCall:
        messages = checked_messages(message)
        is_batch = not isinstance(message, Mapping)
        call = self._adapter.proxy_create(
            validation.uuid(id, "id"),
            messages,
            is_batch=is_batch,
            session_id=validation.session_id(session_id),
            headers=validation.extra_headers(headers),
            timeout=timeout,
        )
        check_size(call, messages if is_batch else messages[0])
        return ProxyCall(
            self._adapter.open, call, SentRequests.of(messages), max_bytes=self._adapter.max_response_bytes
        )

    def connect(
        self,
        id: UUID | str,
        *,
        stream_timeout: float = STREAM_TIMEOUT,
        client_info: Implementation | None = None,
        sampling_callback: SamplingFnT | None = None,
        elicitation_callback: ElicitationFnT | None = None,
        list_roots_callback: ListRootsFnT | None = None,
        logging_callback: LoggingFnT | None = None,
        message_handler: MessageHandlerFnT | None = None,
    ) -> AbstractAsyncContextManager[Client]:
        """Open a connected `mcp.Client` for the installation's MCP server (extra `mcp`).

        ```python
        async with store.installations.connect(id) as client:
            result = await client.call_tool("add", {"a": 19, "b": 23})
        ```

        Its messages are sent through the proxy with all settings of this store except `timeout`: in its place,
        `stream_timeout` is the number of seconds that the server may be silent while it handles a request. Calls raise
        the SDK's errors, including ToolCallError and its subclasses, instead of `mcp.MCPError`. If a tool itself fails,
        its result has `is_error` set. Connecting takes two of the service's 60 proxy calls a minute.

        If the server has lost the session, the next call starts a new one. A `tools/call` that ran into the loss raises
        an error and is never repeated. Read-only requests are repeated, unless the server reported the loss in a
        response with status 200.

        A tool's result is validated against the tool's output schema, for at most a tenth of a second and ignoring
        regular expressions in the schema. An invalid result raises ResponseDecodeError, which has it as `result`.

        The other arguments are those of `mcp.Client`. Any task may enter and exit the connection.

        Raises:
            ConfigurationError: The package `mcp`, 2.x, is not installed.
        """
        return self._connection(
            id,
            stream_timeout,
            client_info=client_info,
            sampling_callback=sampling_callback,
            elicitation_callback=elicitation_callback,
            list_roots_callback=list_roots_callback,
            logging_callback=logging_callback,
            message_handler=message_handler,
        )

    def _connection(self, id: UUID | str, stream_timeout: float, **options: object) -> Connection:
        connection = _connection_function()
        uuid = validation.uuid(id, "id")
        send = partial(self._proxy, uuid, timeout=validation.seconds(stream_timeout, "stream_timeout"))
        return connection(send, self._adapter.proxy_url(uuid), **options)

    @asynccontextmanager
    async def connect_all(
        self, *, concurrency: int = PAGE_CONCURRENCY, stream_timeout: float = STREAM_TIMEOUT
    ) -> AsyncIterator[Toolbox]:
        """Connect to all enabled installations, `concurrency` at a time, and list their tools (extra `mcp`).

        ```python
        async with store.installations.connect_all() as toolbox:
            for tool in toolbox.tools:
                print(tool.installation.name, tool.name)
            for failure in toolbox.failures:
                print(failure.installation.name, failure.error)
        ```

        If an installation fails, because its user has to authorize it again or its server is down for example, it is
        added to `failures` and does not affect the others. So are tools that violate MCP's schema and were left out,
        and tool lists that do not end; the other tools of the installation can be called. Each installation takes three
        of the service's 60 proxy calls a minute.

        Raises:
            ConfigurationError: The package `mcp`, 2.x, is not installed.
        """
        validation.at_least(1, concurrency, "concurrency")
        _connection_function()
        connections = [
            (installation, self._connection(installation.id, stream_timeout))
            async for installation in self.list()
            if installation.is_enabled
        ]
        async with open_toolbox(connections, concurrency=concurrency) as toolbox:
            yield toolbox

    async def authorize(
        self,
        server_id: UUID | str,
        *,
        install_source: InstallSource | Unset = UNSET,
        posthog_code_callback_url: str | Unset = UNSET,
    ) -> AuthorizationRedirect:
        """Start the OAuth flow of an installed server again, given the `server_id` of its installation.

        Raises:
            NotFoundError: The server record does not exist.
            UnsafeRedirectError: The service returned no URL, or one that must not be opened.
        """
        validation.refuse_none(
            {"install_source": install_source, "posthog_code_callback_url": posthog_code_callback_url}
        )
        record = validation.uuid(server_id, "server_id")
        started = await self._adapter.authorize_retrieve(
            server_id=record, install_source=install_source, posthog_code_callback_url=posthog_code_callback_url
        )
        return _redirect(started, server_id=record)

    @overload
    async def install_custom(
        self,
        *,
        name: str,
        url: str,
        auth_type: Literal["api_key"],
        api_key: str | Unset = UNSET,
        description: str | Unset = UNSET,
        install_source: InstallSource | Unset = UNSET,
        posthog_code_callback_url: str | Unset = UNSET,
    ) -> Installation: ...

    @overload
    async def install_custom(
        self,
        *,
        name: str,
        url: str,
        auth_type: Literal["oauth"],
        api_key: str | Unset = UNSET,
        description: str | Unset = UNSET,
        install_source: InstallSource | Unset = UNSET,
        posthog_code_callback_url: str | Unset = UNSET,
    ) -> AuthorizationRedirect: ...

    async def install_custom(
        self,
        *,
        name: str,
        url: str,
        auth_type: Literal["api_key", "oauth"],
        api_key: str | Unset = UNSET,
        description: str | Unset = UNSET,
        install_source: InstallSource | Unset = UNSET,
        posthog_code_callback_url: str | Unset = UNSET,
    ) -> Installation | AuthorizationRedirect:
        """Install an MCP server by its URL, which is stored as it is: `/mcp` and `/mcp/` are two installations.

        With `auth_type="api_key"`, the installation is ready immediately. `api_key` is the MCP server's own key, sent
        to it as a Bearer token. (Without one, the service accepts the installation, but its proxy responds with 401.)

        With `"oauth"`, the user has to open the redirect's `url` in a browser. The installation already exists by then,
        with `pending_oauth` set.

        Raises:
            AlreadyInstalledError: The user already has an installation with this URL in the project.
            BadRequestError: The server's OAuth provider could not be reached, or does not register clients.
            UnsafeRedirectError: The service returned a URL that must not be opened.
            ValidationError: The service rejected a value; `attr` names the field.
        """
        key = as_secret(api_key)
        del api_key
        validation.text(url, "url")
        response = await self._adapter.install_custom_create(
            name=name,
            url=url,
            auth_type=auth_type,
            api_key=key,
            description=description,
            install_source=install_source,
            posthog_code_callback_url=posthog_code_callback_url,
        )
        if isinstance(response, Installation):
            return response
        return _redirect(response, server_url=url)

    async def wait_until_authorized(
        self,
        target: UUID | str | AuthorizationRedirect,
        *,
        timeout: float = 600.0,
        on_progress: OnProgress | None = None,
    ) -> Installation:
        """Wait at most `timeout` seconds for the user to complete the OAuth flow, and return the installation.

        Pass the redirect as `target` if you can. It contains the time at which its flow was started, so a flow that
        ended before the wait began is recognised, even if a working installation is being authorized again. With the id
        of a working installation, only later changes count.

        The installation is polled every half second at first, and every five seconds in the end. If there are more than
        a few waits on this store and its views, they share their polls. `on_progress` is called after each poll; an
        exception in it ends the wait. Transient failures (no connection, 408, 429, 5xx) do not end the wait, but the
        view's `deadline` does if it is shorter than `timeout`.

        Raises:
            NotFoundError: The installation was deleted, or never existed.
            OAuthTimeoutError: The flow was not completed in time. Its URL may have expired: start a new flow.
        """
        require_asyncio()
        seconds = validation.seconds(timeout, "timeout")
        tracker = FlowTracker(
            target if isinstance(target, AuthorizationRedirect) else validation.uuid(target, "target")
        )
        wait = AuthorizationWait(
            tracker,
            timeout=seconds if self._adapter.deadline is None else min(seconds, self._adapter.deadline),
            on_progress=validation.callback(on_progress, "on_progress"),
        )
        installation = await wait.result(self, self._polls)
        if installation is None:
            raise _not_found(tracker, self._adapter.list_url)
        return installation


def _connection_function() -> Callable[..., Connection]:
    try:
        from ._mcp.connection import connection  # noqa: PLC0415  # it imports the extra
    except ImportError:
        raise ConfigurationError('connect() needs: pip install "posthog-mcp-store[mcp]"') from None
    return connection


def _redirect(
    started: AuthorizationStart, *, server_url: str | None = None, server_id: UUID | None = None
) -> AuthorizationRedirect:
    if not started.url:
        raise UnsafeRedirectError(f"the service answered {started.status_code} and returned no URL to send the user to")
    if started.quotes_key:
        raise UnsafeRedirectError("the service returned a URL that must not be opened: it quotes the API key")
    try:
        return AuthorizationRedirect(
            started.url, server_url, server_id, requested_at=started.requested_at, issued_at=started.issued_at
        )
    except UnsafeRedirectError as error:
        refused = without_frames(error)
    raise refused


def _not_found(tracker: FlowTracker, list_url: str) -> NotFoundError:
    """The error for an installation that is not in the list, and whose id is therefore unknown."""
    message = f"{tracker} was not found: it was removed, or belongs to another project or user"
    return NotFoundError(message, status_code=404, headers=Headers({}), body=None, method="GET", url=list_url)
