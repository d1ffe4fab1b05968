"""An `mcp.Client` that raises the SDK's errors (extra `mcp`)."""

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any, Self, TypeVar

from mcp import Client, ClientSession, MCPDeprecationWarning, MCPError
from mcp.client._transport import TransportStreams
from mcp_types import CONNECTION_CLOSED, REQUEST_TIMEOUT, CallToolResult, ListToolsResult
from pydantic import ValidationError
from pydantic_core import PydanticSerializationError, to_jsonable_python
from typing_extensions import deprecated

from ._answer import Headers
from ._arguments import json_body
from ._errors import (
    APIConnectionError,
    APITimeoutError,
    ConfigurationError,
    ListUnstableError,
    MCPStoreError,
    ResponseDecodeError,
)
from ._mcp_tools import KnownTools, reason
from ._proxy import tool_call_error
from ._result_schema import ResultSchema
from ._text import one_line, shown
from ._tool_pages import tool_pages

R = TypeVar("R")


class ProxyClient(Client):
    """A client of one installation's MCP server. Its calls raise MCPStoreErrors in place of MCPErrors."""

    def __init__(
        self, transport: AbstractAsyncContextManager[TransportStreams], url: str, tools: KnownTools, **options: Any
    ) -> None:
        super().__init__(transport, **options)
        self._url = url
        """Where its messages go."""
        self._tools = tools
        self._looking_up = asyncio.Lock()

    async def __aenter__(self) -> Self:
        try:
            await super().__aenter__()
        except (ExceptionGroup, MCPError, ValueError) as error:
            failure = our_error(_only_one(error), self._url)
        else:
            # The client offers no other way to keep the result that it refuses.
            self.session.validate_tool_result = self._check_result  # type: ignore[method-assign]
            return self
        raise failure

    @property
    def malformed_tools(self) -> list[ResponseDecodeError]:
        """What was left out of the lists of tools."""
        return [
            _unreadable(f"the tool {name} breaks MCP's schema and was left out: {fault}", self._url)
            for name, fault in self._tools.malformed.items()
        ]

    async def call_tool(
        self, name: str, arguments: dict[str, Any] | None = None, *args: Any, **kwargs: Any
    ) -> CallToolResult:
        """As `mcp.Client` does it, but a tool that was not listed yet is looked up before the call, not after it.

        The client checks a result by the tool's schema, and where it fails to get that, the result would be lost.
        """
        _check_arguments(arguments)
        await self._look_up(name)
        return await super().call_tool(name, arguments, *args, **kwargs)

    async def list_tools(self, **kwargs: Any) -> ListToolsResult:
        page = await super().list_tools(**kwargs)
        self._tools.list(page.tools)
        return page

    async def _look_up(self, name: str) -> None:
        """List the tools as far as this one, unless it is known. Calls that begin together do it once."""
        if self._tools.knows(name):
            return
        async with self._looking_up:
            if self._tools.knows(name):
                return
            with suppress(ListUnstableError):
                async for _ in tool_pages(self):
                    if name in self._tools.listed:
                        return
            self._tools.unlisted.add(name)

    async def _check_result(self, name: str, result: CallToolResult) -> None:
        """Check a result by the schema of its tool, and keep the result where it breaks the schema: the call ran."""
        # The tools may have changed during the call. A result whose schema can't be had is not checked.
        with suppress(MCPStoreError):
            await self._look_up(name)
        schema = self._tools.listed.get(name)
        if schema is not None and (fault := _result_fault(schema, result)):
            kept = result.model_dump(mode="json", by_alias=True, exclude_unset=True)
            raise _unreadable(
                f"the result of the tool {shown(name)} breaks its output schema: {fault}", self._url, kept
            )

    @property
    def session(self) -> ClientSession:
        if self._session is None:
            raise ConfigurationError("this connection is closed: make calls inside `async with`")
        return self._session


def _only_one(error: Exception) -> Exception:
    """What an exception group is about, where that is one exception."""
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def our_error(error: Exception, url: str) -> Exception:
    """The SDK's error for one of the client's. Those that came over the wire bring it along, see `_mcp_transport`."""
    if isinstance(error, ValidationError):
        return _misfit(error, url)
    if isinstance(error, PydanticSerializationError):
        return ConfigurationError(one_line(f"the request can't be written as JSON: {error}"))
    if isinstance(error, RuntimeError | ValueError) and not isinstance(error, MCPStoreError):
        # So the client refuses a protocol version of the server's, and an answer nested over 255 levels.
        return _unreadable(f"the MCP server's answer can't be used: {error}", url)
    if not isinstance(error, MCPError):
        return error
    if isinstance(error.data, Exception):
        return error.data
    if error.code == REQUEST_TIMEOUT:
        return APITimeoutError(error.message, method="POST", url=url)
    if error.code == CONNECTION_CLOSED:
        return APIConnectionError("the connection to the MCP server was closed", method="POST", url=url)
    details = {"code": error.code, "message": error.message, "data": error.data}
    return tool_call_error(details, is_refusal=False)


def _misfit(error: ValidationError, url: str) -> MCPStoreError:
    """What does not fit a type of MCP: an argument, before it is sent, or else a result."""
    if error.title.endswith("Params"):
        return ConfigurationError(one_line(f"the arguments fit no {error.title}: {reason(error)}"))
    return _unreadable(f"the MCP server's answer is no {error.title}: {reason(error)}", url)


def _result_fault(schema: ResultSchema, result: CallToolResult) -> str | None:
    if "structured_content" not in result.model_fields_set:
        return "it has no structured content"
    try:
        return schema.fault(result.structured_content)
    except Exception as error:  # noqa: BLE001  # the library raises anything at schemas and numbers that are odd enough
        return f"it can't be checked ({type(error).__name__}: {error})"


def _check_arguments(arguments: object) -> None:
    """Refuse what can't be written as JSON: the client writes bytes as text and NaN as null, and gives up on others."""
    json_body(arguments)
    try:
        to_jsonable_python(arguments)
    except ValueError as error:
        # It goes less deep into lists and objects than Python's json does.
        raise ConfigurationError(one_line(f"the arguments can't be written as JSON: {error}")) from None


def _unreadable(reason: str, url: str, result: dict[str, Any] | None = None) -> ResponseDecodeError:
    return ResponseDecodeError(
        one_line(reason), status_code=200, headers=Headers({}), body=b"", method="POST", url=url, result=result
    )


def _raising_ours(method: Callable[..., Awaitable[R]]) -> Callable[..., Awaitable[R]]:
    @functools.wraps(method)
    async def wrapper(client: ProxyClient, *args: Any, **kwargs: Any) -> R:
        try:
            return await method(client, *args, **kwargs)
        except MCPStoreError:
            raise
        except (MCPError, RuntimeError, ValueError) as error:
            failure = our_error(error, client._url)  # noqa: SLF001  # a method of this very class
        raise failure

    return wrapper


def _warning_like(method: Callable[..., object], ours: Callable[..., Awaitable[R]]) -> Callable[..., Awaitable[R]]:
    """Warn of a deprecated method in the line that calls ours."""
    message = getattr(method, "__deprecated__", None)
    return ours if message is None else deprecated(message, category=MCPDeprecationWarning)(ours)


# Every call that the package offers, in this version of it and in later ones.
for _name, _method in inspect.getmembers(ProxyClient, inspect.iscoroutinefunction):
    if not _name.startswith("_"):
        setattr(ProxyClient, _name, _warning_like(_method, _raising_ours(inspect.unwrap(_method))))
