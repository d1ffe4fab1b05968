"""An `mcp.Client` that raises the SDK's errors (extra `mcp`)."""

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any, Self, TypeVar

from mcp import Client, ClientSession, MCPDeprecationWarning, MCPError
from mcp.client._transport import TransportStreams
from mcp_types import CONNECTION_CLOSED, REQUEST_TIMEOUT, CallToolResult, Tool
from pydantic import ValidationError
from pydantic_core import PydanticSerializationError, to_jsonable_python
from typing_extensions import deprecated

from .._core import validation
from .._core.asyncio_only import require_loop
from .._core.errors import (
    APIConnectionError,
    APITimeoutError,
    ConfigurationError,
    ListUnstableError,
    MCPStoreError,
    ResponseDecodeError,
    ToolCallError,
)
from .._core.headers import Headers
from .._core.plain_data import limit_depth
from .._core.redaction import Redactor, without_frames
from .._core.text import short_repr, single_line
from .._core.validation import json_body
from .._proxy.tool_errors import tool_call_error
from .._toolbox.pages import tool_pages
from .result_schema import ResultSchema
from .tools import RAW_RESULTS, KnownTools, reason

R = TypeVar("R")


class ProxyClient(Client):
    """A client of one installation's MCP server. Its calls raise MCPStoreErrors instead of MCPErrors."""

    def __init__(
        self, transport: AbstractAsyncContextManager[TransportStreams], url: str, tools: KnownTools, **options: Any
    ) -> None:
        super().__init__(transport, **options)
        self._url = url
        """The proxy URL of the installation, for errors."""
        self._tools = tools
        self._looking_up = asyncio.Lock()
        self._loop = asyncio.get_running_loop()
        """Where its tasks run: a call from another event loop would never get a response."""

    async def __aenter__(self) -> Self:
        try:
            await super().__aenter__()
        except (ExceptionGroup, MCPError, ValueError) as error:
            failure = translate_error(_only_one(error), self._url, self._tools.redactor)
        else:
            # The client's own check may raise any exception, and runs the server's regular expressions.
            self.session.validate_tool_result = self._check_result  # type: ignore[method-assign]
            return self
        raise failure

    async def call_tool(
        self,
        name: str,
        arguments: dict[str, Any] | None = None,
        read_timeout_seconds: float | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> CallToolResult:
        """Call a tool like `mcp.Client`, but list a tool that is not known yet before the call, not after it.

        The client checks a result against the tool's schema. If it could not get the schema after the call, the result
        would be lost. The error about an invalid result includes it.
        """
        validation.text(name, "name")
        _check_json(arguments)
        _check_json(kwargs.get("meta"))
        if read_timeout_seconds is not None:
            validation.seconds(read_timeout_seconds, "read_timeout_seconds")
        await self._look_up_within(read_timeout_seconds, name)
        results: list[Any] = []
        token = RAW_RESULTS.set(results)
        try:
            return await super().call_tool(name, arguments, read_timeout_seconds, *args, **kwargs)
        except (RuntimeError, ValueError, ResponseDecodeError) as error:
            failure = translate_error(error, self._url, self._tools.redactor)
        finally:
            RAW_RESULTS.reset(token)
        if isinstance(failure, ResponseDecodeError):
            failure.result = limit_depth(results[-1], text=self._tools.redactor.text) if results else None
            # The traceback must not show a secret that the result quotes.
            results.clear()
            failure = without_frames(failure)
        raise failure

    async def _look_up_within(self, seconds: float | None, name: str) -> None:
        timer = asyncio.timeout(seconds)
        try:
            async with timer:
                return await self._look_up(name)
        except TimeoutError:
            if not timer.expired():
                raise
        message = f"the tool {short_repr(name)} was not called: the server did not list its tools within {seconds:g} s"
        raise APITimeoutError(message, method="POST", url=self._url, is_sent=False)

    async def _look_up(self, name: str) -> None:
        """List the tools up to this one, unless it is known. Concurrent calls share one listing."""
        if self._tools.knows(name):
            return
        async with self._looking_up:
            if self._tools.knows(name):
                return
            revision = self._tools.revision
            # A server that can't list its tools, or whose list does not end, may still have this one.
            with suppress(ListUnstableError, ToolCallError):
                async for _ in tool_pages(self._fetch_page):
                    if name in self._tools.listed:
                        return
            if revision == self._tools.revision:
                self._tools.unlisted.add(name)

    async def _fetch_page(self, cursor: str | None) -> tuple[Sequence[Tool], str | None]:
        page = await self.list_tools(cursor=cursor)
        return page.tools, page.next_cursor

    async def _check_result(self, name: str, result: CallToolResult) -> None:
        """Check a result against its tool's schema, if known: requesting the schema now could lose the result."""
        schema = self._tools.listed.get(name)
        if schema is not None and (fault := _result_fault(schema, result)):
            # The server may have changed the schema: list it again before the next call.
            del self._tools.listed[name]
            reason = f"the result of the tool {short_repr(name)} does not match its output schema: {fault}"
            raise _unreadable(self._tools.redactor.text(reason), self._url)

    @property
    def session(self) -> ClientSession:
        if self._session is None:
            raise ConfigurationError("this connection is closed: make calls inside `async with`")
        return self._session


def _only_one(error: Exception) -> Exception:
    """Unwrap exception groups that contain a single exception."""
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def translate_error(error: Exception, url: str, redactor: Redactor) -> Exception:
    """The SDK's error for one of the client's. JSON-RPC errors carry it in `data`, see `_mcp.transport`."""
    if isinstance(error, ValidationError):
        return _validation_error(error, url, redactor)
    if isinstance(error, PydanticSerializationError | UnicodeDecodeError):
        return ConfigurationError(single_line(f"the request can't be written as JSON: {error}"))
    if isinstance(error, RuntimeError | ValueError) and not isinstance(error, MCPStoreError):
        # Raised for an unsupported protocol version, and for a response nested over 255 levels.
        return _unreadable(redactor.text(f"the client can't use the MCP server's response: {error}"), url)
    if not isinstance(error, MCPError):
        return error
    if isinstance(error.data, Exception):
        return error.data
    if error.code == REQUEST_TIMEOUT:
        return APITimeoutError(error.message, method="POST", url=url)
    if error.code == CONNECTION_CLOSED:
        return APIConnectionError("the connection to the MCP server was closed", method="POST", url=url)
    details = {"code": error.code, "message": error.message, "data": error.data}
    return tool_call_error(details)


def _validation_error(error: ValidationError, url: str, redactor: Redactor) -> MCPStoreError:
    """The error for a value that does not match an MCP type: a result, or an argument that was not sent."""
    if "Result" not in error.title:
        return ConfigurationError(single_line(f"the arguments do not match {error.title}: {reason(error)}"))
    return _unreadable(redactor.text(f"the MCP server's response does not match {error.title}: {reason(error)}"), url)


def _result_fault(schema: ResultSchema, result: CallToolResult) -> str | None:
    if "structured_content" not in result.model_fields_set:
        return "it has no structured content"
    try:
        return schema.fault(result.structured_content)
    except Exception as error:  # noqa: BLE001  # invalid schemas make the library raise all kinds of exceptions
        return f"it can't be checked ({type(error).__name__}: {error})"


def _check_json(value: object) -> None:
    """Refuse values that are not JSON: the client writes bytes as text and NaN as null, and fails on others."""
    json_body(value)
    try:
        to_jsonable_python(value)
    except ValueError as error:
        # Its limit on nesting is lower than that of Python's json.
        raise ConfigurationError(single_line(f"the arguments can't be written as JSON: {error}")) from None


def _unreadable(reason: str, url: str) -> ResponseDecodeError:
    return ResponseDecodeError(
        single_line(reason), status_code=200, headers=Headers({}), body=b"", method="POST", url=url
    )


def _translating_errors(method: Callable[..., Awaitable[R]]) -> Callable[..., Awaitable[R]]:
    @functools.wraps(method)
    async def wrapper(client: ProxyClient, *args: Any, **kwargs: Any) -> R:
        require_loop(client._loop)  # noqa: SLF001  # here and below: a method of this class
        try:
            return await method(client, *args, **kwargs)
        except MCPStoreError:
            raise
        except (MCPError, RuntimeError, ValueError) as error:
            failure = translate_error(error, client._url, client._tools.redactor)  # noqa: SLF001
        raise failure

    return wrapper


def _warning_like(method: Callable[..., object], ours: Callable[..., Awaitable[R]]) -> Callable[..., Awaitable[R]]:
    """Attribute a deprecation warning to the line that calls our wrapper."""
    message = getattr(method, "__deprecated__", None)
    return ours if message is None else deprecated(message, category=MCPDeprecationWarning)(ours)


# All calls of `mcp.Client`, including those that later versions add.
for _name, _method in inspect.getmembers(ProxyClient, inspect.isfunction):
    # Before Python 3.12, `deprecated` hides that a function is a coroutine function.
    if not inspect.iscoroutinefunction(inspect.unwrap(_method)):
        continue
    if not _name.startswith("_"):
        setattr(ProxyClient, _name, _warning_like(_method, _translating_errors(inspect.unwrap(_method))))
