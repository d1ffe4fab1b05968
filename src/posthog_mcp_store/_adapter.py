"""The adapter to the generated client: the only module that imports it.

Typed arguments become a call in plain data, and a response becomes a generated object. If regenerating breaks
something, the type checker reports it here.
"""

import builtins
from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, TypedDict, TypeVar, Unpack
from urllib.parse import urlencode
from uuid import UUID

from attrs import define, evolve, field, frozen

from ._core import validation
from ._core.call import Call
from ._core.errors import ConfigurationError
from ._core.http_dates import sent_at, service_time
from ._core.redaction import Redactor, without_frames
from ._core.response import Response
from ._core.secret import Secret
from ._core.tools import AvailableTool, ServerTools, ToolResult
from ._pagination.page_data import PageData
from ._request.pipeline import Pipeline
from ._request.result import StreamingResponse, SuccessfulResponse
from .lowlevel import DOCUMENT_VERSION, AuthenticatedClient
from .lowlevel.api.mcp_store import (
    mcp_server_installations_authorize_retrieve,
    mcp_server_installations_available_tools_retrieve,
    mcp_server_installations_call_tool_create,
    mcp_server_installations_create,
    mcp_server_installations_destroy,
    mcp_server_installations_install_custom_create,
    mcp_server_installations_install_template_create,
    mcp_server_installations_list,
    mcp_server_installations_partial_update,
    mcp_server_installations_proxy_create,
    mcp_server_installations_retrieve,
    mcp_server_installations_share_create,
    mcp_server_installations_tools_partial_update,
    mcp_server_installations_tools_refresh_create,
    mcp_server_installations_tools_retrieve,
    mcp_server_installations_unshare_create,
    mcp_servers_list,
)
from .lowlevel.models import (
    AvailableServer,
    AvailableToolsResponse,
    CallToolRequest,
    CallToolRequestArguments,
    CallToolResponse,
    Installation,
    InstallCustom,
    InstallCustomAuthTypeEnum,
    InstallSourceEnum,
    InstallTemplate,
    JSONRPCMessage,
    MCPAgentGrantScopeEnum,
    MCPInstallationScopeEnum,
    MCPServerInstallationAuthTypeEnum,
    MCPServerInstallationCreate,
    MCPToolApprovalStateEnum,
    OAuthRedirectResponse,
    PaginatedMCPServerInstallationList,
    PaginatedMCPServerInstallationToolList,
    PaginatedMCPServerTemplateList,
    PatchedMCPServerInstallationUpdate,
    PatchedToolApprovalUpdate,
    Template,
    Tool,
)
from .lowlevel.types import UNSET, Request, Unset

__all__ = [
    "UNSET",
    "Adapter",
    "Installation",
    "LowLevelClient",
    "Template",
    "Tool",
    "Unset",
    "__document_version__",
]

__document_version__ = DOCUMENT_VERSION

T = TypeVar("T")
Choice = TypeVar("Choice", bound=StrEnum)


@frozen
class StartedFlow:
    """An OAuth flow that the service has started."""

    url: str | None = field(repr=False)
    """The provider's URL, which contains the flow's state; None if the response has none."""
    status_code: int
    requested_at: datetime
    issued_at: datetime
    """Both by the service's clock: when the request was sent, and when the response was."""
    quotes_key: bool
    """Whether the URL contains the API key, or the key that the MCP server was installed with."""


@frozen
class ListedTools:
    """The tools that the service lists, with what errors about them need."""

    servers: builtins.list[ServerTools]
    url: str
    redactor: Redactor


class InstallFields(TypedDict):
    """The fields of an installation that are sent as they are."""

    posthog_code_callback_url: str | Unset
    return_path: str | Unset
    team_enabled: bool | Unset


class InstallCustomFields(InstallFields):
    """Those of a custom one."""

    name: str
    url: str
    description: str | Unset
    client_id: str | Unset


class ResponseParser(Protocol):
    """The parsing half of a generated endpoint module."""

    def __call__(self, *, client: AuthenticatedClient, response: Response) -> object: ...


@define
class LowLevelClient(AuthenticatedClient):
    """The generated client, sending through the pipeline of a store: `store.lowlevel`.

    It has no API key: the transport adds it. The store owns the connections, so they can't be configured here.
    """

    pipeline: Pipeline = field(kw_only=True, repr=False)

    async def send(self, request: Request) -> Response:
        call = to_call(request, self._base_url, self._headers)
        return await self.pipeline.send(call, lambda response: response)

    def _refuse(self, *_: object) -> NoReturn:
        raise ConfigurationError("store.lowlevel sends through its store: use store.with_options() or http_client=")

    with_cookies = _refuse  # type: ignore[assignment]  # here and below: refusing is the point
    with_timeout = _refuse  # type: ignore[assignment]
    set_async_httpx_client = _refuse  # type: ignore[assignment]
    get_async_httpx_client = _refuse


PARSING = AuthenticatedClient(base_url="", token="")
"""What the generated parsers need of a client. It sends nothing."""


def to_call(request: Request, host: str, headers: Mapping[str, str]) -> Call:
    """Convert a generated request to the pipeline's `Call`."""
    return Call(
        operation_id=request.operation_id,
        method=request.method,
        path_template=request.path_template,
        path=request.path,
        url=f"{host}{request.path}{_query(request.params)}",
        headers={**headers, **request.headers},
        content=None if isinstance(request.json, Unset) else validation.json_body(request.json),
    )


class Adapter:
    """The operations in one project: typed arguments in, typed results out."""

    __slots__ = ("_host", "_pipeline", "_project_id")

    def __init__(self, pipeline: Pipeline, *, host: str, project_id: str) -> None:
        self._pipeline = pipeline
        self._host = host
        self._project_id = project_id

    def low_level_client(self) -> LowLevelClient:
        """A generated client that sends through the same pipeline."""
        return LowLevelClient(base_url=self._host, token="", pipeline=self._pipeline)

    @property
    def project(self) -> Hashable:
        """The project as the owner of the API key sees it: what one owner reads of it is not for others."""
        return self._pipeline.owner, self._project_id

    @property
    def deadline(self) -> float | None:
        """Seconds for the whole call, if the user set a deadline."""
        return self._pipeline.deadline

    @property
    def max_response_bytes(self) -> int:
        return self._pipeline.max_response_bytes

    @property
    def list_url(self) -> str:
        """Where the installations are listed."""
        return self._pipeline.url_of(self._call(mcp_server_installations_list.build_request(self._project_id)))

    async def list(self, limit: int | None, offset: int) -> Callable[[], PageData[Installation]]:
        """Fetch a page and return the function that decodes it: pages fetched ahead stay bytes until they are read."""
        received = await self._pipeline.fetch(
            self._call(
                mcp_server_installations_list.build_request(
                    self._project_id, limit=UNSET if limit is None else limit, offset=offset or UNSET
                )
            )
        )
        parse = self._reader(mcp_server_installations_list.parse_response, PaginatedMCPServerInstallationList)

        def read() -> PageData[Installation]:
            page = received.read(parse)
            return PageData(items=page.results, count=page.count, next=page.next_)

        return read

    async def create(
        self,
        *,
        url: str,
        display_name: str | Unset,
        description: str | Unset,
        auth_type: str | Unset,
        is_enabled: bool | Unset,
        server_id: UUID | Unset,
    ) -> Installation:
        body = MCPServerInstallationCreate(
            url=url,
            display_name=display_name,
            description=description,
            auth_type=_optional_choice(MCPServerInstallationAuthTypeEnum, auth_type, "auth_type"),
            is_enabled=is_enabled,
            server_id=server_id,
        )
        return await self._send(
            mcp_server_installations_create.build_request(self._project_id, body=body),
            self._reader(mcp_server_installations_create.parse_response, Installation),
        )

    async def retrieve(self, id: UUID) -> Installation:
        return await self._send(
            mcp_server_installations_retrieve.build_request(self._project_id, id),
            self._reader(mcp_server_installations_retrieve.parse_response, Installation),
        )

    async def partial_update(
        self, id: UUID, *, display_name: str | Unset, description: str | Unset, is_enabled: bool | Unset
    ) -> Installation:
        body = PatchedMCPServerInstallationUpdate(
            display_name=display_name, description=description, is_enabled=is_enabled
        )
        return await self._send(
            mcp_server_installations_partial_update.build_request(self._project_id, id, body=body),
            self._reader(mcp_server_installations_partial_update.parse_response, Installation),
        )

    async def destroy(self, id: UUID) -> None:
        request = mcp_server_installations_destroy.build_request(self._project_id, id)
        await self._send(request, _check_deleted)

    def proxy_create(
        self,
        id: UUID,
        messages: Sequence[Mapping[str, Any]],
        *,
        is_batch: bool,
        session_id: str | None,
        headers: Mapping[str, str],
        timeout: float | None,
    ) -> Call:
        """Build the call without sending it: the response is the MCP server's, for which there is no generated type."""
        bodies = [JSONRPCMessage.from_dict(message) for message in messages]
        request = mcp_server_installations_proxy_create.build_request(
            self._project_id,
            id,
            body=bodies if is_batch else bodies[0],
            mcp_session_id=UNSET if session_id is None else session_id,
        )
        return evolve(to_call(request, self._host, headers), timeout=timeout)

    def proxy_url(self, id: UUID) -> str:
        """The URL that forwards to the installation's MCP server."""
        body = JSONRPCMessage()
        request = mcp_server_installations_proxy_create.build_request(self._project_id, id, body=body)
        return self._pipeline.url_of(self._call(request))

    async def open(self, call: Call) -> StreamingResponse:
        """Send a call and return its response with the body still unread."""
        return await self._pipeline.open(call)

    async def authorize_retrieve(
        self,
        *,
        installation_id: UUID | Unset = UNSET,
        template_id: UUID | Unset = UNSET,
        server_id: UUID | Unset = UNSET,
        install_source: str,
        posthog_code_callback_url: str | Unset,
        return_path: str | Unset,
    ) -> StartedFlow:
        request = mcp_server_installations_authorize_retrieve.build_request(
            self._project_id,
            installation_id=installation_id,
            template_id=template_id,
            server_id=server_id,
            install_source=_choice(InstallSourceEnum, install_source, "install_source"),
            posthog_code_callback_url=posthog_code_callback_url,
            return_path=return_path,
        )
        parse = self._reader(mcp_server_installations_authorize_retrieve.parse_response, OAuthRedirectResponse)

        def read(response: Response) -> str | None:
            if response.status_code == 302 or not response.content:
                return response.headers.get("Location")
            return parse(response).redirect_url

        received = await self._pipeline.fetch(self._call(request))
        return _started_flow(received.read(read), received)

    async def install_custom_create(
        self,
        *,
        auth_type: str,
        api_key: Secret | Unset,
        client_secret: Secret | Unset,
        install_source: str | Unset,
        scope: str | Unset,
        agent_scope: str | Unset,
        **fields: Unpack[InstallCustomFields],
    ) -> Installation | StartedFlow:
        """Return the installation, or the OAuth flow in which the user has to authorize it first."""
        endpoint = mcp_server_installations_install_custom_create
        return await self._install(
            lambda: endpoint.build_request(
                self._project_id,
                body=InstallCustom(
                    auth_type=_choice(InstallCustomAuthTypeEnum, auth_type, "auth_type"),
                    api_key=_revealed(api_key),
                    client_secret=_revealed(client_secret),
                    install_source=_optional_choice(InstallSourceEnum, install_source, "install_source"),
                    scope=_optional_choice(MCPInstallationScopeEnum, scope, "scope"),
                    agent_scope=_optional_choice(MCPAgentGrantScopeEnum, agent_scope, "agent_scope"),
                    **fields,
                ),
            ),
            endpoint.parse_response,
            [api_key, client_secret],
        )

    async def install_template_create(
        self,
        *,
        template_id: UUID,
        api_key: Secret | Unset,
        install_source: str | Unset,
        scope: str | Unset,
        agent_scope: str | Unset,
        **fields: Unpack[InstallFields],
    ) -> Installation | StartedFlow:
        """Return the installation, or the OAuth flow in which the user has to authorize it first."""
        endpoint = mcp_server_installations_install_template_create
        return await self._install(
            lambda: endpoint.build_request(
                self._project_id,
                body=InstallTemplate(
                    template_id=template_id,
                    api_key=_revealed(api_key),
                    install_source=_optional_choice(InstallSourceEnum, install_source, "install_source"),
                    scope=_optional_choice(MCPInstallationScopeEnum, scope, "scope"),
                    agent_scope=_optional_choice(MCPAgentGrantScopeEnum, agent_scope, "agent_scope"),
                    **fields,
                ),
            ),
            endpoint.parse_response,
            [api_key],
        )

    async def _install(
        self, build: Callable[[], Request], parse: ResponseParser, secrets: Sequence[Secret | Unset]
    ) -> Installation | StartedFlow:
        try:
            # The request is in no variable, which would show the keys in tracebacks.
            call = evolve(
                self._call(build()), secrets=tuple(secret for secret in secrets if isinstance(secret, Secret))
            )
        except ConfigurationError as error:
            refused = without_frames(error)
        else:
            received = await self._pipeline.fetch(call)
            if received.response.status_code == 201:
                return received.read(self._reader(parse, Installation))
            # Nor is the URL, which contains the flow's state.
            return _started_flow(received.read(self._reader(parse, OAuthRedirectResponse)).redirect_url, received)
        raise refused

    async def share_create(self, id: UUID) -> Installation:
        return await self._send(
            mcp_server_installations_share_create.build_request(self._project_id, id),
            self._reader(mcp_server_installations_share_create.parse_response, Installation),
        )

    async def unshare_create(self, id: UUID) -> Installation:
        return await self._send(
            mcp_server_installations_unshare_create.build_request(self._project_id, id),
            self._reader(mcp_server_installations_unshare_create.parse_response, Installation),
        )

    async def tools_retrieve(self, id: UUID, *, include_removed: bool) -> builtins.list[Tool]:
        request = mcp_server_installations_tools_retrieve.build_request(
            self._project_id, id, include_removed="1" if include_removed else UNSET
        )
        parse = mcp_server_installations_tools_retrieve.parse_response
        return (await self._send(request, self._reader(parse, PaginatedMCPServerInstallationToolList))).results

    async def tools_refresh_create(self, id: UUID) -> builtins.list[Tool]:
        request = mcp_server_installations_tools_refresh_create.build_request(self._project_id, id)
        parse = mcp_server_installations_tools_refresh_create.parse_response
        return (await self._send(request, self._reader(parse, PaginatedMCPServerInstallationToolList))).results

    async def tools_partial_update(self, id: UUID, tool_name: str, *, approval_state: str) -> Tool:
        body = PatchedToolApprovalUpdate(_choice(MCPToolApprovalStateEnum, approval_state, "approval_state"))
        return await self._send(
            mcp_server_installations_tools_partial_update.build_request(self._project_id, id, tool_name, body=body),
            self._reader(mcp_server_installations_tools_partial_update.parse_response, Tool),
        )

    async def call_tool_create(self, id: UUID, tool_name: str, arguments: Mapping[str, Any] | Unset) -> ToolResult:
        body = CallToolRequest(
            tool_name,
            arguments if isinstance(arguments, Unset) else CallToolRequestArguments.from_dict(arguments),
        )
        result = await self._send(
            mcp_server_installations_call_tool_create.build_request(self._project_id, id, body=body),
            self._reader(mcp_server_installations_call_tool_create.parse_response, CallToolResponse),
        )
        structured = result.structured_content
        return ToolResult(
            content=[block.additional_properties for block in result.content],
            is_error=result.is_error,
            structured_content=structured.additional_properties if structured else None,
            additional_properties=result.additional_properties,
        )

    async def available_tools_retrieve(self) -> ListedTools:
        endpoint = mcp_server_installations_available_tools_retrieve
        received = await self._pipeline.fetch(self._call(endpoint.build_request(self._project_id)))
        found = received.read(self._reader(endpoint.parse_response, AvailableToolsResponse))
        return ListedTools([_server_tools(server) for server in found.servers], received.call.url, received.redactor)

    async def mcp_servers_list(self) -> builtins.list[Template]:
        request = mcp_servers_list.build_request(self._project_id)
        parse = self._reader(mcp_servers_list.parse_response, PaginatedMCPServerTemplateList)
        return (await self._send(request, parse)).results

    def _call(self, request: Request) -> Call:
        # The generated client has dropped query parameters that are None by now, so callers check those.
        validation.refuse_none(request.json if isinstance(request.json, dict) else {})
        return to_call(request, self._host, {})

    async def _send(self, request: Request, read: Callable[[Response], T]) -> T:
        return await self._pipeline.send(self._call(request), read)

    def _reader(self, parse: ResponseParser, expected: type[T]) -> Callable[[Response], T]:
        """Read a response with the generated parser, refusing the type that it returns for any other status."""

        def read(response: Response) -> T:
            parsed = parse(client=PARSING, response=response)
            if not isinstance(parsed, expected):
                raise TypeError(f"expected {expected.__name__} for this status")
            return parsed

        return read


def _check_deleted(response: Response) -> None:
    """Check the response to a deletion: any other success, such as a gateway's login page, deleted nothing."""
    if response.status_code != 204:
        raise ValueError("expected 204")


def _revealed(secret: Secret | Unset) -> str | Unset:
    return secret.reveal() if isinstance(secret, Secret) else secret


def _server_tools(server: AvailableServer) -> ServerTools:
    return ServerTools(
        installation_id=server.installation_id,
        name=server.name,
        slug=server.slug,
        tools=[
            AvailableTool(
                name=tool.name,
                description=tool.description,
                input_schema=tool.input_schema.additional_properties if tool.input_schema else {},
                annotations=tool.annotations.additional_properties if tool.annotations else {},
                approval_state=str(tool.approval_state),
                additional_properties=tool.additional_properties,
            )
            for tool in server.tools
        ],
        additional_properties=server.additional_properties,
    )


def _started_flow(url: str | None, received: SuccessfulResponse) -> StartedFlow:
    response = received.response
    received_at = datetime.now(UTC) - timedelta(seconds=response.age)
    date = response.headers.get("Date")
    issued_at = service_time(date, received_at)
    # If our clock is ahead, that is the latest possible moment; the flow's installation may have been made before it.
    earliest = issued_at if issued_at == received_at else sent_at(date, received_at)
    return StartedFlow(
        url=url,
        status_code=response.status_code,
        requested_at=earliest - timedelta(seconds=response.seconds),
        issued_at=issued_at,
        quotes_key=url is not None and received.redactor.finds_key(url),
    )


def _query(params: Mapping[str, Any]) -> str:
    try:
        return f"?{urlencode(params)}" if params else ""
    except ValueError as error:
        raise ConfigurationError(f"the query can't be written as a URL: {error}") from None


def _optional_choice(choices: type[Choice], value: str | Unset, name: str) -> Choice | Unset:
    return value if isinstance(value, Unset) else _choice(choices, value, name)


def _choice(choices: type[Choice], value: str, name: str) -> Choice:
    """Convert to an enum of the document. In requests, enums are closed."""
    return choices(validation.one_of([choice.value for choice in choices], value, name))


if TYPE_CHECKING:

    class InstallationFields(Protocol):
        """The fields that the SDK itself reads while it waits for the end of an OAuth flow."""

        id: UUID
        url: str
        server_id: UUID | None
        template_id: UUID | None
        scope: str
        is_owner: bool
        display_name: str
        description: str
        is_enabled: bool
        needs_reauth: bool
        pending_oauth: bool
        created_at: datetime
        updated_at: datetime | None

    def row_of_list_and_retrieve(row: Installation) -> InstallationFields:
        """Make the type checker report a missing field here too, where it comes from."""
        return row
