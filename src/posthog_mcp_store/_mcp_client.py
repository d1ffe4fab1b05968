"""An `mcp.Client` that raises the SDK's errors (extra `mcp`)."""

import functools
import inspect
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Self, TypeVar

from mcp import Client, ClientSession, MCPError
from mcp.client._transport import TransportStreams
from mcp_types import CONNECTION_CLOSED, REQUEST_TIMEOUT, CallToolResult, ListToolsResult
from pydantic import ValidationError

from ._answer import Headers
from ._errors import APIConnectionError, APITimeoutError, ConfigurationError, MCPStoreError, ResponseDecodeError
from ._proxy import tool_call_error
from ._text import one_line

R = TypeVar("R")

MAX_PAGES = 100
"""Of the tools of one server: a list that never ends must not keep anybody."""


class ProxyClient(Client):
    """A client of one installation's MCP server. Its calls raise MCPStoreErrors in place of MCPErrors."""

    def __init__(self, transport: AbstractAsyncContextManager[TransportStreams], url: str, **options: Any) -> None:
        super().__init__(transport, **options)
        self._url = url
        """Where its messages go."""
        self._listed: set[str] = set()
        """The tools that were listed."""

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
            await self._list_until(name)
        return await super().call_tool(name, *args, **kwargs)

    async def list_tools(self, **kwargs: Any) -> ListToolsResult:
        page = await super().list_tools(**kwargs)
        self._listed.update(tool.name for tool in page.tools)
        return page

    async def _list_until(self, name: str) -> None:
        page = await self.list_tools()
        for _ in range(MAX_PAGES):
            if name in self._listed or page.next_cursor is None:
                return
            page = await self.list_tools(cursor=page.next_cursor)

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


# Every call that the package offers, in this version of it and in later ones.
for _name, _method in inspect.getmembers(ProxyClient, inspect.iscoroutinefunction):
    if not _name.startswith("_"):
        setattr(ProxyClient, _name, _raising_ours(_method))
