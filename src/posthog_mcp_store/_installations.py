"""`store.installations`: the operations as users call them."""

from __future__ import annotations

import builtins
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from importlib import import_module
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal, overload
from uuid import UUID

from ._adapter import UNSET, Adapter, Installation, ListedTools, Template, Tool, Unset
from ._core import validation
from ._core.asyncio_only import require_asyncio
from ._core.defaults import MAX_TEXT_LENGTH, PAGE_CONCURRENCY, STREAM_TIMEOUT
from ._core.errors import APIStatusError, BadRequestError, ConfigurationError, NotFoundError, ResponseDecodeError
from ._core.extras import missing_mcp
from ._core.headers import Headers
from ._core.keyword_hints import explain_keywords
from ._core.secret import Secret, as_secret
from ._core.tools import ServerTools, ToolResult
from ._oauth.flow import FlowTracker
from ._oauth.polling import AuthorizationWait, OnProgress, PollsInUse
from ._oauth.redirect import AuthorizationRedirect
from ._oauth.start import SendAuthorize, redirect_to
from ._pagination.page_data import ListSource
from ._pagination.pager import Pager
from ._proxy.call import ProxyCall
from ._proxy.requests import Message, SentRequests, check_size, checked_messages
from ._proxy.tool_errors import call_tool_refusal
from ._toolbox.calls import ServiceCalls, Sessions
from ._toolbox.listing import from_servers, from_service, make_toolbox
from ._toolbox.own_loop import OwnLoop
from ._toolbox.result_text import MIN_LENGTH as MIN_TEXT_LENGTH
from ._toolbox.toolbox import CallTool, Toolbox, ToolCalls

if TYPE_CHECKING:
    # A vendored copy can be used, and its types checked, without the package: its names then stand for Any.
    from mcp import Client  # type: ignore[import-not-found, unused-ignore]
    from mcp.client.session import (  # type: ignore[import-not-found, unused-ignore]
        ElicitationFnT,
        ListRootsFnT,
        LoggingFnT,
        MessageHandlerFnT,
        SamplingFnT,
    )
    from mcp_types import Implementation  # type: ignore[import-not-found, unused-ignore]

InstallationID = UUID | str | Installation
InstallSource = Literal["posthog", "posthog-code"]
InstallationScope = Literal["personal", "shared"]
AgentScope = Literal["personal", "team"]
ApprovalState = Literal["approved", "needs_approval", "do_not_use"]


@explain_keywords
class Installations:
    """The installations in one project that the key's owner can use: their own, and those that others share.

    An optional argument that defaults to `UNSET` is not sent if it is left out: PostHog then uses its own default, or
    keeps the value in `update()`. You never need to pass `UNSET` yourself.

    Every call can raise ConfigurationError (nothing was sent), APIConnectionError, ResponseDecodeError,
    AuthenticationError, PermissionDeniedError, NotFoundError if there is no such project, RateLimitError and
    ServerError. Methods list only what else they raise, or for which other reasons (docs/guides/errors.md).
    """

    def __init__(self, adapter: Adapter, polls: PollsInUse) -> None:
        self._adapter = adapter
        self._polls = polls

    def list(
        self, *, limit: int | None = None, offset: int = 0, concurrency: int = PAGE_CONCURRENCY
    ) -> Pager[Installation]:
        """List the installations, newest first. Those that others share have `is_owner` set to False.

        ```python
        async for installation in store.installations.list(): ...
        installations = await store.installations.list().collect()
        page = await store.installations.list(limit=10)
        ```

        `await` reads one page only, of 100 installations by default; `async for` and `.collect()` read all. Nothing is
        sent before that. An installation that exists throughout an iteration is returned exactly once.

        Args:
            limit: The page size, 1 or more; the service has no maximum (docs/service.md, section 3). By default 100,
                and 200 after the first page if there are more than 1,000 installations.
            offset: The number of installations to skip.
            concurrency: The maximum number of pages that iterating fetches ahead and keeps in memory.

        Raises:
            ListUnstableError: While iterating: the list changed too fast to be read completely.
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
        """Create an installation on an instance that allows it. PostHog Cloud does not: use `install_custom()`.

        Args:
            url: The MCP server's URL, http or https.
            display_name: The user's own name for it.
            description: The user's description.
            auth_type: How PostHog should authenticate to the server: `api_key` or `oauth`.
            is_enabled: Whether the proxy accepts calls for it.
            server_id: The OAuth server record to install.

        Raises:
            MethodNotAllowedError: The service does not create installations this way (docs/service.md, section 0).
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

    async def retrieve(self, id: InstallationID) -> Installation:
        """Fetch one installation.

        Args:
            id: The installation, or its id.

        Raises:
            NotFoundError: The key's owner has no such installation in the project.
        """
        return await self._adapter.retrieve(_uuid(id))

    async def update(
        self,
        id: InstallationID,
        *,
        display_name: str | Unset = UNSET,
        description: str | Unset = UNSET,
        is_enabled: bool | Unset = UNSET,
    ) -> Installation:
        """Change the given fields, and leave the others as they are.

        Args:
            id: The installation, or its id.
            display_name: The user's own name for it, at most 200 characters. If it is empty, `name` is the template's.
            description: The user's description. If it is empty, the template's is returned.
            is_enabled: Whether the proxy accepts calls for it.

        Raises:
            NotFoundError: The key's owner has no such installation in the project.
            PermissionDeniedError: It is shared, and belongs to another user.
            ValidationError: The service refused a value; `attr` names the field.
        """
        # The service does not check the length and fails with 500 (docs/service.md, section 5).
        if isinstance(display_name, str):
            validation.at_most(200, display_name, "display_name")
        return await self._adapter.partial_update(
            _uuid(id), display_name=display_name, description=description, is_enabled=is_enabled
        )

    async def delete(self, id: InstallationID) -> None:
        """Delete the installation and its stored credentials.

        Args:
            id: The installation, or its id.

        Raises:
            NotFoundError: The key's owner has no such installation in the project.
            PermissionDeniedError: It is shared, and the key's owner neither owns it nor is a project admin.
        """
        await self._adapter.destroy(_uuid(id))

    def proxy(
        self,
        id: InstallationID,
        message: Message | Sequence[Message],
        *,
        session_id: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> ProxyCall:
        """Send one JSON-RPC message, or a batch, to the installation's MCP server.

        ```python
        reply = await store.installations.proxy(id, message)

        async with store.installations.proxy(id, message) as stream:
            async for message in stream: ...
        ```

        Awaiting it returns the complete response, of at most `max_response_bytes`. Entering it yields each message as
        it arrives, any number of them, each of at most `max_response_bytes`. An entered stream counts towards
        `max_concurrency` only until its response begins.

        Args:
            id: The installation, or its id.
            message: A JSON-RPC object, or a non-empty list of them, of at most 1 MiB as ASCII JSON (docs/service.md,
                section 7).
            session_id: The session to continue, sent as `Mcp-Session-Id`: the `session_id` of an earlier reply.
            headers: Headers to send in addition. The service drops all that are meant for the MCP server, except
                `x-posthog-*` (docs/service.md, sections 0 and 7).

        Raises:
            InstallationDisabledError: The installation is disabled, or switched off for the team.
            NotFoundError: The key's owner has no such installation in the project.
            ReauthenticationRequiredError: The installation's credentials are missing or no longer valid.
            UpstreamError: The MCP server could not be reached, or responded with an error status. It may have acted.
        """
        return self._proxy(id, message, session_id=session_id, headers=headers)

    def _proxy(
        self,
        id: InstallationID,
        message: Message | Sequence[Message],
        *,
        session_id: str | None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> ProxyCall:
        messages, uuid = checked_messages(message), _uuid(id)
        is_batch = not isinstance(message, Mapping)
        call = self._adapter.proxy_create(
            uuid,
            messages,
            is_batch=is_batch,
            session_id=validation.session_id(session_id),
            headers=validation.extra_headers(headers),
            timeout=timeout,
        )
        check_size(call, messages if is_batch else messages[0])
        return ProxyCall(
            self._adapter.open, call, SentRequests.of(messages, uuid), max_bytes=self._adapter.max_response_bytes
        )

    def connect(
        self,
        id: InstallationID,
        *,
        stream_timeout: float = STREAM_TIMEOUT,
        client_info: Implementation | None = None,
        sampling_callback: SamplingFnT | None = None,
        elicitation_callback: ElicitationFnT | None = None,
        list_roots_callback: ListRootsFnT | None = None,
        logging_callback: LoggingFnT | None = None,
        message_handler: MessageHandlerFnT | None = None,
    ) -> AbstractAsyncContextManager[Client]:
        """Connect to the installation's MCP server with an `mcp.Client` (extra `mcp`).

        ```python
        async with store.installations.connect(id) as client:
            result = await client.call_tool("add", {"a": 19, "b": 23})
        ```

        Messages are sent through the proxy, with all settings of this store except `timeout`. Calls raise the SDK's
        errors, such as ToolCallError and its subclasses, instead of `mcp.MCPError`; if a tool itself fails, its result
        has `is_error`. Connecting uses two of the service's 60 proxy calls a minute. Any task may enter and leave the
        connection.

        If the server has lost the session, the next call starts a new one. A `tools/call` that ran into the loss
        raises and is never repeated. Idempotent requests are repeated, unless the server reported the loss in a
        response with status 200.

        A tool's result is checked against the tool's output schema, for at most 0.1 seconds and ignoring its regular
        expressions. A result that does not match raises ResponseDecodeError, with the result as `result`.

        Args:
            id: The installation, or its id.
            stream_timeout: How many seconds the server may send nothing while it works on a request.
            client_info: The name and version of your program, for the server.
            sampling_callback: Answers a server that asks for text from your model.
            elicitation_callback: Answers a server that asks the user for information.
            list_roots_callback: Answers a server that asks which files it may use.
            logging_callback: Called with the server's log messages.
            message_handler: Called with every notification of the server, and with exceptions of the connection.

        Raises:
            ConfigurationError: The package `mcp`, 2.x, is not installed.
            InstallationDisabledError: The installation is disabled, or switched off for the team.
            NotFoundError: The key's owner has no such installation in the project.
            ReauthenticationRequiredError: The installation's credentials are missing or no longer valid.
            UpstreamError: The MCP server could not be reached, or responded with an error status.
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

    def _connection(
        self, id: InstallationID, stream_timeout: float, **options: object
    ) -> AbstractAsyncContextManager[Client]:
        connection = _connection_function()
        uuid = _uuid(id)
        send = partial(self._proxy, uuid, timeout=validation.seconds(stream_timeout, "stream_timeout"))
        return connection(send, self._adapter.proxy_url(uuid), **options)

    def connect_all(
        self,
        *,
        concurrency: int = PAGE_CONCURRENCY,
        stream_timeout: float = STREAM_TIMEOUT,
        max_text_length: int = MAX_TEXT_LENGTH,
    ) -> AbstractAsyncContextManager[Toolbox]:
        """List the tools of all enabled installations, for an agent to call.

        ```python
        async with store.installations.connect_all() as toolbox:
            for tool in toolbox.tools:
                print(tool.unique_name, tool.description, tool.input_schema, tool.approval_state)
            for failure in toolbox.failures:
                print(failure.installation.name, failure.error)
            text = await toolbox["add"].run(a=19, b=23)
        ```

        Listing takes one request in addition to the list of installations, and each call of a tool takes one. An
        installation that fails, because its user has to authorize it again or its server is down, is listed in
        `failures` and does not affect the others. So is an installation with tools that violate MCP's schema; its other
        tools can be called. Calls that are still running when the toolbox is left raise APIConnectionError.

        Instances last updated in spring 2026 neither list nor call tools. There the SDK starts a session with each
        server, which uses three of the service's 60 proxy calls a minute. Lists of tools that do not end are `failures`
        as well. If a server has lost its session, the next call starts a new one; the call that ran into the loss
        raises.

        Args:
            concurrency: The maximum number of servers to ask for their tools at the same time. Only used on those older
                instances.
            stream_timeout: How many seconds a server may send nothing while it works on a request. Only used in
                sessions.
            max_text_length: The maximum length of the text that `InstallationTool.run()` returns, in characters.

        Raises:
            ListUnstableError: The list of installations changed too fast to be read completely.
        """
        validation.at_least(1, concurrency, "concurrency")
        validation.seconds(stream_timeout, "stream_timeout")
        validation.at_least(MIN_TEXT_LENGTH, max_text_length, "max_text_length")
        return self._open_toolbox(concurrency, stream_timeout, max_text_length)

    @asynccontextmanager
    async def _open_toolbox(
        self, concurrency: int, stream_timeout: float, max_text_length: int
    ) -> AsyncIterator[Toolbox]:
        require_asyncio()
        installations = [installation async for installation in self.list() if installation.is_enabled]
        listed = await self._listed_tools() if installations else None
        url = self._adapter.list_url
        sessions = Sessions(
            lambda uuid: partial(self._proxy, uuid, timeout=stream_timeout), deadline=self._adapter.deadline, url=url
        )
        own_loop = OwnLoop(url)
        if listed is None:
            found = await from_servers(installations, sessions.session_with, concurrency=concurrency)
            call_tool: CallTool = sessions.call_tool
        else:
            found = from_service(installations, listed)
            call_tool = ServiceCalls(self.call_tool, sessions).call_tool
        try:
            yield make_toolbox(found, ToolCalls(call_tool, own_loop, max_text_length))
        finally:
            await own_loop.aclose()

    async def _listed_tools(self) -> ListedTools | None:
        """The service's own list; None if it has none, or one malformed entry spoils it for all installations."""
        try:
            return await self._adapter.available_tools_retrieve()
        except (NotFoundError, ResponseDecodeError):
            return None

    async def authorize(
        self,
        installation: InstallationID | Unset = UNSET,
        *,
        template_id: UUID | str | Template | Unset = UNSET,
        server_id: UUID | str | Unset = UNSET,
        install_source: InstallSource | Unset = UNSET,
        posthog_code_callback_url: str | Unset = UNSET,
        return_path: str | Unset = UNSET,
    ) -> AuthorizationRedirect:
        """Start an OAuth flow, and return the page on which the user authorizes the installation.

        Pass exactly one of `installation`, `template_id` and `server_id`. Stored tokens keep working until the flow
        ends. The user's browser has to be logged in to PostHog as the key's owner (docs/service.md, section 6).

        Instances last updated in spring 2026 need the installation's `server_id`. An `Installation` has it; for an id,
        the SDK makes two more requests there.

        Args:
            installation: The installation to authorize, or its id.
            template_id: A template of the catalogue, or its id. It is installed if it is not installed yet.
            server_id: The OAuth server record of the installation. Only for instances last updated in spring 2026.
            install_source: `posthog-code`, the default, with which the browser is sent to the callback URL in the end,
                or `posthog`.
            posthog_code_callback_url: The callback URL, with the scheme `array` or `posthog-code`; `http://localhost`
                on development instances, see LoopbackReceiver.
            return_path: The page of PostHog to which the browser is sent if there is no callback URL, such as
                `/project/1/settings`.

        Raises:
            BadRequestError: The installation does not use OAuth, or its provider could not be reached.
            NotFoundError: The key's owner has no such installation, or the catalogue no such template.
            PermissionDeniedError: The server is switched off for the team.
            UnsafeRedirectError: The service returned a URL that must not be opened, or none.
        """
        targets = {"installation": installation, "template_id": template_id, "server_id": server_id}
        given = [name for name, value in targets.items() if not isinstance(value, Unset)]
        validation.exactly_one(list(targets), given)
        _check_return_path(return_path)
        validation.refuse_none(
            {
                "install_source": install_source,
                "posthog_code_callback_url": posthog_code_callback_url,
                "return_path": return_path,
            }
        )
        start = partial(
            self._adapter.authorize_retrieve,
            # The service responds with JSON to this source only. Without a callback URL it means nothing else.
            install_source="posthog-code" if isinstance(install_source, Unset) else install_source,
            posthog_code_callback_url=posthog_code_callback_url,
            return_path=return_path,
        )
        if not isinstance(template_id, Unset):
            template = _template_uuid(template_id)
            return redirect_to(await start(template_id=template), template_id=template)
        if not isinstance(server_id, Unset):
            record = validation.uuid(server_id, "server_id")
            return redirect_to(await start(server_id=record), server_id=record)
        uuid = _uuid(installation, "installation")
        if isinstance(installation, Installation):
            return await self._authorize(uuid, installation.server_id, start)
        try:
            return await self._authorize(uuid, None, start)
        except BadRequestError as error:
            # Instances last updated in spring 2026 require it (docs/service.md, section 5).
            if error.attr != "server_id":
                raise
            row = await self._adapter.retrieve(uuid)
            if row.server_id is None:
                raise
        return await self._authorize(uuid, row.server_id, start)

    async def _authorize(self, id: UUID, server_id: UUID | None, start: SendAuthorize) -> AuthorizationRedirect:
        started = await start(installation_id=id, server_id=server_id or UNSET)
        return redirect_to(started, installation_id=id, server_id=server_id)

    @overload
    async def install_custom(
        self,
        *,
        name: str,
        url: str,
        auth_type: Literal["api_key"],
        api_key: str | Unset = UNSET,
        description: str | Unset = UNSET,
        client_id: str | Unset = UNSET,
        client_secret: str | Unset = UNSET,
        scope: InstallationScope | Unset = UNSET,
        team_enabled: bool | Unset = UNSET,
        agent_scope: AgentScope | Unset = UNSET,
        install_source: InstallSource | Unset = UNSET,
        posthog_code_callback_url: str | Unset = UNSET,
        return_path: str | Unset = UNSET,
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
        client_id: str | Unset = UNSET,
        client_secret: str | Unset = UNSET,
        scope: InstallationScope | Unset = UNSET,
        team_enabled: bool | Unset = UNSET,
        agent_scope: AgentScope | Unset = UNSET,
        install_source: InstallSource | Unset = UNSET,
        posthog_code_callback_url: str | Unset = UNSET,
        return_path: str | Unset = UNSET,
    ) -> AuthorizationRedirect: ...

    async def install_custom(
        self,
        *,
        name: str,
        url: str,
        auth_type: Literal["api_key", "oauth"],
        api_key: str | Unset = UNSET,
        description: str | Unset = UNSET,
        client_id: str | Unset = UNSET,
        client_secret: str | Unset = UNSET,
        scope: InstallationScope | Unset = UNSET,
        team_enabled: bool | Unset = UNSET,
        agent_scope: AgentScope | Unset = UNSET,
        install_source: InstallSource | Unset = UNSET,
        posthog_code_callback_url: str | Unset = UNSET,
        return_path: str | Unset = UNSET,
    ) -> Installation | AuthorizationRedirect:
        """Install an MCP server by its URL.

        With `auth_type="api_key"` an Installation is returned, which can be used immediately.

        With `auth_type="oauth"` an AuthorizationRedirect is returned, whose `url` the user has to open in a browser.
        The installation exists already, with `pending_oauth` set. If it existed before, its tokens have been deleted:
        use `authorize()` to keep them until the flow ends.

        Args:
            name: The name to show, 1 to 200 characters; stored as `display_name`.
            url: The MCP server's URL, http or https, not on a private network, at most 2,048 characters. It is stored
                unchanged: `/mcp` and `/mcp/` are two installations.
            auth_type: How PostHog should authenticate to the server: `api_key` or `oauth`.
            api_key: The server's own key, for `auth_type="api_key"`. PostHog sends it to the server as a Bearer token,
                and never shows it again. Without it the installation is created, but never works.
            description: The user's description.
            client_id: The id of your own client at the server's OAuth provider. By default PostHog registers one.
            client_secret: The secret of that client. Ignored without `client_id`.
            scope: `personal`, the default, if only its owner may use it; `shared` if everyone in the project may, which
                only project admins can choose.
            team_enabled: False switches the server off for the project. Only for project admins.
            agent_scope: Whether PostHog's built-in agents may use it only in its owner's runs (`personal`) or in all
                runs of the project (`team`). Passing either requires the right to manage agents.
            install_source: `posthog`, the default, or `posthog-code`, with which the browser is sent to the callback
                URL in the end.
            posthog_code_callback_url: The callback URL, with the scheme `array` or `posthog-code`; `http://localhost`
                on development instances, see LoopbackReceiver.
            return_path: The page of PostHog to which the browser is sent if there is no callback URL, such as
                `/project/1/settings`.

        Raises:
            AlreadyInstalledError: The user already has an installation with this URL in the project.
            BadRequestError: The server's OAuth provider could not be reached, or does not register clients.
            PermissionDeniedError: The project does not allow this to its members; `detail` says what.
            UnsafeRedirectError: The service returned a URL that must not be opened.
            ValidationError: The service refused a value; `attr` names the field.
        """
        key, secret = as_secret(api_key), as_secret(client_secret)
        del api_key, client_secret
        _check_secrets(api_key=key, client_secret=secret)
        _check_return_path(return_path)
        validation.text(url, "url")
        response = await self._adapter.install_custom_create(
            name=name,
            url=url,
            auth_type=auth_type,
            api_key=key,
            description=description,
            client_id=client_id,
            client_secret=secret,
            scope=scope,
            team_enabled=team_enabled,
            agent_scope=agent_scope,
            install_source=install_source,
            posthog_code_callback_url=posthog_code_callback_url,
            return_path=return_path,
        )
        if isinstance(response, Installation):
            return response
        return redirect_to(response, server_url=url, scope=_given(scope))

    async def install_template(
        self,
        template_id: UUID | str | Template,
        *,
        api_key: str | Unset = UNSET,
        scope: InstallationScope | Unset = UNSET,
        team_enabled: bool | Unset = UNSET,
        agent_scope: AgentScope | Unset = UNSET,
        install_source: InstallSource | Unset = UNSET,
        posthog_code_callback_url: str | Unset = UNSET,
        return_path: str | Unset = UNSET,
    ) -> Installation | AuthorizationRedirect:
        """Install a server of the catalogue (`store.templates.list()`).

        If the template's `auth_type` is `api_key`, an Installation is returned. An existing one gets the new key and is
        enabled, which is the only way to change a stored key. If it is `oauth`, an AuthorizationRedirect is returned,
        whose `url` the user has to open in a browser.

        Args:
            template_id: The template, or its id.
            api_key: The MCP server's own key, which templates with `auth_type="api_key"` require.
            scope: `personal`, the default, if only its owner may use it; `shared` if everyone in the project may, which
                only project admins can choose.
            team_enabled: False switches the server off for the project. Only for project admins.
            agent_scope: Whether PostHog's built-in agents may use it only in its owner's runs (`personal`) or in all
                runs of the project (`team`). Passing either requires the right to manage agents.
            install_source: `posthog`, the default, or `posthog-code`, with which the browser is sent to the callback
                URL in the end.
            posthog_code_callback_url: The callback URL, with the scheme `array` or `posthog-code`; `http://localhost`
                on development instances, see LoopbackReceiver.
            return_path: The page of PostHog to which the browser is sent if there is no callback URL, such as
                `/project/1/settings`.

        Raises:
            BadRequestError: The template needs an `api_key`, or its OAuth provider could not be reached.
            NotFoundError: There is no such template, or it is not offered to this project.
            PermissionDeniedError: The project does not allow this to its members; `detail` says what.
            UnsafeRedirectError: The service returned a URL that must not be opened.
        """
        key = as_secret(api_key)
        del api_key
        _check_secrets(api_key=key)
        _check_return_path(return_path)
        uuid = _template_uuid(template_id)
        response = await self._adapter.install_template_create(
            template_id=uuid,
            api_key=key,
            scope=scope,
            team_enabled=team_enabled,
            agent_scope=agent_scope,
            install_source=install_source,
            posthog_code_callback_url=posthog_code_callback_url,
            return_path=return_path,
        )
        if isinstance(response, Installation):
            return response
        return redirect_to(response, template_id=uuid, scope=_given(scope))

    async def share(self, id: InstallationID) -> Installation:
        """Share an installation with the project: its members use it with the owner's credentials.

        Args:
            id: The installation, or its id.

        Raises:
            BadRequestError: It is shared already.
            ConflictError: The project has a shared installation of this server.
            NotFoundError: The key's owner has no such installation in the project.
            PermissionDeniedError: The key's owner does not own it, or is not a project admin.
        """
        return await self._adapter.share_create(_uuid(id))

    async def unshare(self, id: InstallationID) -> Installation:
        """Stop sharing an installation, so that only its owner can use it.

        Args:
            id: The installation, or its id.

        Raises:
            BadRequestError: It is not shared.
            ConflictError: The owner has a personal installation of this server.
            NotFoundError: The key's owner has no such installation in the project.
            PermissionDeniedError: The key's owner neither owns it nor is a project admin.
        """
        return await self._adapter.unshare_create(_uuid(id))

    # `list` is a method of this class.
    async def tools(self, id: InstallationID, *, include_removed: bool = False) -> builtins.list[Tool]:
        """List an installation's tools by name, as PostHog last read them from the server.

        A tool can be called once its `approval_state` is `approved`, see `update_tool()`.

        Args:
            id: The installation, or its id.
            include_removed: Also list tools that the server no longer has. They have `removed_at`.

        Raises:
            NotFoundError: The key's owner has no such installation in the project.
        """
        validation.one_of((False, True), include_removed, "include_removed")
        return await self._adapter.tools_retrieve(_uuid(id), include_removed=include_removed)

    async def update_tool(self, id: InstallationID, tool_name: str, *, approval_state: ApprovalState) -> Tool:
        """Approve a tool, or block it. Takes effect immediately.

        Read `approval_state` of the returned tool, which is the state that applies: a rule of the project may be
        stricter. The service also ignores a state that it has stored already. A new tool has `needs_approval` stored,
        so in a project that approves tools by default, setting `needs_approval` changes nothing. Set `do_not_use`
        first, then `needs_approval` (docs/service.md, section 10).

        Args:
            id: The installation, or its id.
            tool_name: The tool's name on its server, at most 200 characters. The service has no path for a name that
                contains a slash, or for `refresh`.
            approval_state: `approved`, `needs_approval`, or `do_not_use`, which blocks the tool.

        Raises:
            NotFoundError: There is no such installation or tool.
            PermissionDeniedError: The installation is shared, and belongs to another user.
            ValidationError: The project allows only stricter states.
        """
        return await self._adapter.tools_partial_update(
            _uuid(id), validation.tool_segment(tool_name, "tool_name"), approval_state=approval_state
        )

    async def refresh_tools(self, id: InstallationID) -> builtins.list[Tool]:
        """Let PostHog read the tools from the server again, and list them. New ones need approval.

        Args:
            id: The installation, or its id.

        Raises:
            BadRequestError: The installation is disabled.
            NotFoundError: The key's owner has no such installation in the project.
            PermissionDeniedError: The installation is shared, and belongs to another user.
            UpstreamError: The MCP server could not be reached, or responded with an error.
        """
        return await self._adapter.tools_refresh_create(_uuid(id))

    async def call_tool(
        self, id: InstallationID, tool_name: str, arguments: Mapping[str, Any] | None = None
    ) -> ToolResult:
        """Call a tool in one request, without a session. If the tool itself fails, the result has `is_error`.

        A call may take 4 minutes, and is never repeated once the tool may have run. It counts towards the proxy's limit
        of 60 calls a minute.

        Args:
            id: The installation, or its id.
            tool_name: The tool's name on its server, at most 200 characters, without spaces at its ends.
            arguments: The tool's arguments, as its `input_schema` describes them: values of JSON.

        Raises:
            InstallationDisabledError: The installation is disabled, or switched off for the team.
            NotFoundError: The key's owner has no such installation in the project.
            ReauthenticationRequiredError: The installation's credentials are missing or no longer valid.
            ToolApprovalRequiredError: The tool has to be approved first, with `update_tool()`.
            ToolDisabledError: The tool is blocked.
            ToolNotFoundError: The server has no such tool, or PostHog does not know it yet: see `refresh_tools()`.
            ToolCallError: The MCP server responded with an error object. The tool may have run.
            UpstreamError: The MCP server failed. The tool may have run.
        """
        uuid, name = _uuid(id), validation.called_tool(tool_name, "tool_name")
        if arguments is not None:
            validation.json_object(arguments, "arguments")
        try:
            return await self._adapter.call_tool_create(uuid, name, UNSET if arguments is None else arguments)
        except APIStatusError as error:
            refusal = call_tool_refusal(error, tool_name=name, installation_id=uuid)
            if refusal is None:
                raise
            raise refusal from error

    async def available_tools(self) -> builtins.list[ServerTools]:
        """List the tools of all installations that the key's owner can use now, in one request.

        Installations that are disabled, need authorization or have no tools are left out, and so are blocked tools.

        Raises:
            NotFoundError: The instance was last updated in spring 2026 and has no such operation.
        """
        return (await self._adapter.available_tools_retrieve()).servers

    async def wait_until_authorized(
        self,
        target: InstallationID | AuthorizationRedirect,
        *,
        timeout: float = 600.0,
        on_progress: OnProgress | None = None,
    ) -> Installation:
        """Wait until the user has finished the OAuth flow, and return the installation.

        With an AuthorizationRedirect, it waits for that flow to end, even if the installation works already; the flow
        may also have ended before. While a working installation is authorized again, the only sign of the end is a
        later `updated_at`, which a token refresh also changes (docs/service.md, section 6). With an installation or its
        id, it returns as soon as that is usable.

        The installation is polled every half second at first, slowing down to every five seconds. Waits on this store
        and its views with the same API key share their polls. Transient failures (no connection, 408, 429, 5xx) do not
        end the wait.

        Args:
            target: What `authorize()`, `install_custom()` or `install_template()` returned; or an installation, or its
                id.
            timeout: The maximum number of seconds to wait. The store's `deadline` applies if it is shorter.
            on_progress: A plain function that is called after each poll. If it raises an exception, the wait ends with
                it.

        Raises:
            NotFoundError: The installation was deleted, or never existed.
            OAuthTimeoutError: The flow was not finished in time. Its URL may have expired by then: start again.
        """
        require_asyncio()
        seconds = validation.seconds(timeout, "timeout")
        tracker = FlowTracker(target if isinstance(target, AuthorizationRedirect) else _uuid(target, "target"))
        wait = AuthorizationWait(
            tracker,
            timeout=seconds if self._adapter.deadline is None else min(seconds, self._adapter.deadline),
            on_progress=validation.callback(on_progress, "on_progress"),
        )
        installation = await wait.result(self, self._polls.of(self._adapter.project))
        if installation is None:
            raise _not_found(tracker, self._adapter.list_url)
        return installation


def _connection_function() -> Callable[..., AbstractAsyncContextManager[Client]]:
    try:
        # It imports the extra. By its name, because a vendored copy may be without it.
        connection: Callable[..., AbstractAsyncContextManager[Client]] = import_module(
            "._mcp.connection", __package__
        ).connection
    except ImportError as error:
        missing = missing_mcp(error)
    else:
        return connection
    raise missing


def _uuid(id: InstallationID | Unset, name: str = "id") -> UUID:
    return validation.uuid(id.id if isinstance(id, Installation) else id, name)


def _template_uuid(id: UUID | str | Template) -> UUID:
    if isinstance(id, Template) and id.id is None:
        raise ConfigurationError("this template has no id: the instance of PostHog is too old to install templates")
    return validation.uuid(id.id if isinstance(id, Template) else id, "template_id")


def _check_secrets(**secrets: object) -> None:
    for name, secret in secrets.items():
        if secret is not None and not isinstance(secret, Secret | Unset):
            raise ConfigurationError(f"{name} must be text")


def _check_return_path(path: object) -> None:
    if not isinstance(path, Unset) and path is not None:
        validation.return_path(path, "return_path")


def _given(scope: str | Unset) -> str:
    return "personal" if isinstance(scope, Unset) else scope


def _not_found(tracker: FlowTracker, list_url: str) -> NotFoundError:
    """The error for a redirect whose installation is in no list, so there is no id to request."""
    message = f"{tracker} was not found: it was removed, or belongs to another project or user"
    return NotFoundError(message, status_code=404, headers=Headers({}), body=None, method="GET", url=list_url)
