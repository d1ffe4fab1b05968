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
from typing_extensions import deprecated

from ._answer import Headers
from ._errors import (
    APIConnectionError,
    APITimeoutError,
    ConfigurationError,
    ListUnstableError,
    MCPStoreError,
    ResponseDecodeError,
)
from ._proxy import tool_call_error
from ._text import one_line
from ._tool_pages import tool_pages

R = TypeVar("R")


class ProxyClient(Client):
    """A client of one installation's MCP server. Its calls raise MCPStoreErrors in place of MCPErrors."""

    def __init__(self, transport: AbstractAsyncContextManager[TransportStreams], url: str, **options: Any) -> None:
        super().__init__(transport, **options)
        self._url = url
        """Where its messages go."""
        self._listed: set[str] = set()
        """The tools that were listed, and those that were looked up in vain."""
        self._looking_up = asyncio.Lock()

    async def __aenter__(self) -> Self:
        try:
            await super().__aenter__()
        except (ExceptionGroup, MCPError, ValidationError) as error:
            failure = our_error(_only_one(error), self._url)
        else:
            return self
        raise failure

    async def call_tool(self, name: str, *args: Any, **kwargs: Any) -> CallToolResult:
        """As `mcp.Client` does it, but a tool that was not listed yet is looked up before the call, not behind it.

        The client checks a result by the tool's schema, and where it fails to get that, the result would be lost.
        """
        if name not in self._listed:
            # Calls that begin together look it up once.
            async with self._looking_up:
                if name not in self._listed:
                    await self._look_up(name)
        return await super().call_tool(name, *args, **kwargs)

    async def list_tools(self, **kwargs: Any) -> ListToolsResult:
        page = await super().list_tools(**kwargs)
        self._listed.update(tool.name for tool in page.tools)
        return page

    async def _look_up(self, name: str) -> None:
        with suppress(ListUnstableError):
            async for _ in tool_pages(self):
                if name in self._listed:
                    return
        self._listed.add(name)

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
    if isinstance(error, RuntimeError):
        # So the client refuses a protocol version of the server's, or a result that breaks the tool's own schema.
        return _unreadable(str(error), url)
    if not isinstance(error, MCPError):
        return error
    if isinstance(error.data, Exception):
        return error.data
    if error.code == REQUEST_TIMEOUT:
        return APITimeoutError(error.message, method="POST", url=url)
    if error.code == CONNECTION_CLOSED:
        return APIConnectionError("the connection to the MCP server was closed", method="POST", url=url)
    return tool_call_error({"code": error.code, "message": error.message, "data": error.data})


def _misfit(error: ValidationError, url: str) -> MCPStoreError:
    """What does not fit a type of MCP: an argument, before it is sent, or else a result."""
    reason = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()[:3])
    if error.title.endswith("Params"):
        return ConfigurationError(one_line(f"the arguments fit no {error.title}: {reason}"))
    return _unreadable(f"the MCP server's answer is no {error.title}: {reason}", url)


def _unreadable(reason: str, url: str) -> ResponseDecodeError:
    return ResponseDecodeError(one_line(reason), status_code=200, headers=Headers({}), body=b"", method="POST", url=url)


def _raising_ours(method: Callable[..., Awaitable[R]]) -> Callable[..., Awaitable[R]]:
    @functools.wraps(method)
    async def wrapper(client: ProxyClient, *args: Any, **kwargs: Any) -> R:
        try:
            return await method(client, *args, **kwargs)
        except (MCPError, RuntimeError, ValidationError) as error:
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
