"""`store.installations`: the operations as users call them."""

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

    Every method can raise APIConnectionError, APIStatusError (its subclass says which status), ResponseDecodeError,
    and, before anything is sent, ConfigurationError.
    """

    def __init__(self, adapter: Adapter, polls: SharedPolls) -> None:
        self._adapter = adapter
        self._polls = polls

    def list(
        self, *, limit: int | None = None, offset: int = 0, concurrency: int = PAGE_CONCURRENCY
    ) -> Pager[Installation]:
        """The installations, newest first. `limit` is the size of a page, 100 unless given; the service has no maximum.

        ```python
        async for installation in store.installations.list(): ...
        page = await store.installations.list(limit=10)
        ```

        An iteration fetches up to `concurrency` pages ahead, and holds no more in memory. It gives every installation
        that is there all the while exactly once, or raises ListUnstableError. Without a `limit`, lists of more than
        1,000 installations come in pages of 200 after the first.
        """
        return Pager(
            # Integers are told apart faster than UUIDs, and kept in less memory.
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
        """Create an installation where the service allows it; the hosted one does not, use `install_custom` there.

        Raises:
            MethodNotAllowedError: The service does not create installations this way.
            PermissionDeniedError: The key has no `project:write`.
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
        """One installation.

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
        """Change what is given. An empty `display_name` makes `name` fall back to the server record's name.

        Raises:
            NotFoundError: The key's owner has no such installation in the project.
            ValidationError: The service refused a value; `attr` names the field.
        """
        # The service does not check this one and fails with 500 (docs/service.md, section 5).
        if isinstance(display_name, str):
            validation.at_most(200, display_name, "display_name")
        return await self._adapter.partial_update(
            validation.uuid(id, "id"), display_name=display_name, description=description, is_enabled=is_enabled
        )

    async def delete(self, id: UUID | str) -> None:
        """Remove the installation and its stored credentials for good.

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
            async for answer in stream: ...
        ```

        Awaited, it gives the whole answer, which may not be larger than `max_response_bytes`. Entered, it gives each
        message as it arrives, however many come; none of them may be larger than that. An entered stream counts as one
        of the `max_concurrency` requests only until its answer begins.

        `session_id` goes out as `Mcp-Session-Id`. The service drops all other MCP headers (docs/service.md, section 0),
        and takes 1 MiB at most, counted in ASCII JSON (section 7).

        Raises:
            InstallationDisabledError: The installation is switched off.
            ReauthenticationRequiredError: The installation's own credentials are missing or dead.
            UpstreamError: The MCP server can't be reached, or answered with an error status.
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
        """Connect to the installation's MCP server: a connected `mcp.Client` (extra `mcp`).

        ```python
        async with store.installations.connect(id) as client:
            result = await client.call_tool("add", {"a": 19, "b": 23})
        ```

        Its messages go through the proxy, under all settings of this store but `timeout`: for so many seconds
        (`stream_timeout`) the server may be silent while it works. Calls raise the SDK's errors, ToolCallError and its
        subclasses among them, in place of `mcp.MCPError`; a tool's own failure is a result with `is_error`. Of the
        service's 60 proxy calls a minute, connecting takes two.

        Where the server has lost the session, a new one is begun with the next call. A `tools/call` that met the loss
        raises, and is never repeated; requests that only read are repeated, unless the server says so in an answer with
        status 200.

        A tool's result is checked by the tool's output schema, for a tenth of a second at most and without its regular
        expressions. One that breaks it raises ResponseDecodeError, whose `result` has it.

        The other arguments are those of `mcp.Client`. Any task may enter and leave the connection.

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

        An installation that fails, because its user has to authorize it again or its server is down, is one of the
        `failures`, and does not affect the others. So is each tool that breaks MCP's schema and was left out, and a
        list that does not end; the other tools of the installation can be called. Of the service's 60 proxy calls a
        minute, each installation takes three.

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
        """Start the OAuth flow of an installed server again, by the `server_id` of its installation.

        Raises:
            NotFoundError: There is no such server record.
            UnsafeRedirectError: The service named a URL that must not be opened, or none.
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

        With `auth_type="api_key"` the installation is ready at once; `api_key` is the server's own key, sent to it as
        a Bearer token. (Without one the service takes the installation, and its proxy answers 401.)

        With `"oauth"` the user has to open the redirect's `url` in a browser. The installation exists from now on, with
        `pending_oauth` true.

        Raises:
            AlreadyInstalledError: The user has an installation with this URL in the project.
            BadRequestError: The server's OAuth provider could not be reached, or registers no clients.
            UnsafeRedirectError: The service named a URL that must not be opened.
            ValidationError: The service refused a value; `attr` names the field.
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
        """Wait, for at most `timeout` seconds, until the user has finished the OAuth flow; the installation then.

        `target` is best the redirect: it knows when its flow was started, so a flow that ended before the wait began
        is recognised, also of an installation that worked before and while it is authorized again. With the id of an
        installation that works, only what changes from now on counts.

        The installation is looked at every half second at first, every five seconds in the end. Where more than a few
        wait on this store and its views, they share what they see. `on_progress` is called after each look, and what it
        raises ends the wait. A failure that may pass (no connection, 408, 429, 5xx) does not end the wait. The view's
        `deadline` does, where it is shorter than `timeout`.

        Raises:
            NotFoundError: The installation is gone, or never was.
            OAuthTimeoutError: The flow was not finished in time. Its URL may be dead by then: start again.
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
    """The error for an installation that no list has, so that there is no id to ask the service for."""
    message = f"{tracker} was not found: it was removed, or belongs to another project or user"
    return NotFoundError(message, status_code=404, headers=Headers({}), body=None, method="GET", url=list_url)
