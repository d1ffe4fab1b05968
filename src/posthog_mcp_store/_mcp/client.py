"""An `mcp.Client` that raises the SDK's errors (extra `mcp`)."""

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any, Self, TypeVar

from mcp import Client, ClientSession, MCPDeprecationWarning, MCPError
from mcp.client._transport import TransportStreams
from mcp_types import CONNECTION_CLOSED, REQUEST_TIMEOUT, CallToolResult
from pydantic import ValidationError
from pydantic_core import PydanticSerializationError, to_jsonable_python
from typing_extensions import deprecated

from .._core import validation
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
from .._core.plain_data import shallow
from .._core.redaction import Redactor, without_frames
from .._core.text import short_repr, single_line
from .._core.validation import json_body
from .._proxy.tool_errors import tool_call_error
from .result_schema import ResultSchema
from .tool_pages import tool_pages
from .tools import RAW_RESULTS, KnownTools, reason

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
            failure = translate_error(_only_one(error), self._url, self._tools.redactor)
        else:
            # The client's own check gives up with any exception, and lets the server's regular expressions run.
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
        self,
        name: str,
        arguments: dict[str, Any] | None = None,
        read_timeout_seconds: float | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> CallToolResult:
        """As `mcp.Client` does it, but a tool that was not listed yet is looked up before the call, not after it.

        The client checks a result by the tool's schema, and where it fails to get that, the result would be lost.
        Whatever is wrong with a result, the error keeps it.
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
            failure.result = shallow(results[-1], text=self._tools.redactor.text) if results else None
            # What is left must not show a secret that the result quotes.
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
        """List the tools as far as this one, unless it is known. Calls that begin together do it once."""
        if self._tools.knows(name):
            return
        async with self._looking_up:
            if self._tools.knows(name):
                return
            version = self._tools.version
            # A server without the list, or without an end of it, may still have the tool.
            with suppress(ListUnstableError, ToolCallError):
                async for _ in tool_pages(self):
                    if name in self._tools.listed:
                        return
            if version == self._tools.version:
                self._tools.unlisted.add(name)

    async def _check_result(self, name: str, result: CallToolResult) -> None:
        """Check a result by the schema of its tool, where that is known: to ask for it now could lose the result."""
        schema = self._tools.listed.get(name)
        if schema is not None and (fault := _result_fault(schema, result)):
            # The server may have another schema by now.
            del self._tools.listed[name]
            reason = f"the result of the tool {short_repr(name)} does not match its output schema: {fault}"
            raise _unreadable(self._tools.redactor.text(reason), self._url)

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


def translate_error(error: Exception, url: str, redactor: Redactor) -> Exception:
    """The SDK's error for one of the client's. Those that came over the wire bring it along, see `_mcp.transport`."""
    if isinstance(error, ValidationError):
        return _misfit(error, url, redactor)
    if isinstance(error, PydanticSerializationError | UnicodeDecodeError):
        return ConfigurationError(single_line(f"the request can't be written as JSON: {error}"))
    if isinstance(error, RuntimeError | ValueError) and not isinstance(error, MCPStoreError):
        # So the client refuses a protocol version of the server's, and an answer nested over 255 levels.
        return _unreadable(redactor.text(f"the client can't use the MCP server's answer: {error}"), url)
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


def _misfit(error: ValidationError, url: str, redactor: Redactor) -> MCPStoreError:
    """What does not fit a type of MCP: a result, or else an argument, before it is sent."""
    if "Result" not in error.title:
        return ConfigurationError(single_line(f"the arguments do not fit {error.title}: {reason(error)}"))
    return _unreadable(redactor.text(f"the MCP server's answer does not fit {error.title}: {reason(error)}"), url)


def _result_fault(schema: ResultSchema, result: CallToolResult) -> str | None:
    if "structured_content" not in result.model_fields_set:
        return "it has no structured content"
    try:
        return schema.fault(result.structured_content)
    except Exception as error:  # noqa: BLE001  # the library raises anything at schemas and numbers that are odd enough
        return f"it can't be checked ({type(error).__name__}: {error})"


def _check_json(value: object) -> None:
    """Refuse what can't be written as JSON: the client writes bytes as text and NaN as null, and gives up on others."""
    json_body(value)
    try:
        to_jsonable_python(value)
    except ValueError as error:
        # It goes less deep into lists and objects than Python's json does.
        raise ConfigurationError(single_line(f"the arguments can't be written as JSON: {error}")) from None


def _unreadable(reason: str, url: str) -> ResponseDecodeError:
    return ResponseDecodeError(
        single_line(reason), status_code=200, headers=Headers({}), body=b"", method="POST", url=url
    )


def _raising_ours(method: Callable[..., Awaitable[R]]) -> Callable[..., Awaitable[R]]:
    @functools.wraps(method)
    async def wrapper(client: ProxyClient, *args: Any, **kwargs: Any) -> R:
        try:
            return await method(client, *args, **kwargs)
        except MCPStoreError:
            raise
        except (MCPError, RuntimeError, ValueError) as error:
            failure = translate_error(error, client._url, client._tools.redactor)  # noqa: SLF001  # a method of this class
        raise failure

    return wrapper


def _warning_like(method: Callable[..., object], ours: Callable[..., Awaitable[R]]) -> Callable[..., Awaitable[R]]:
    """Warn of a deprecated method in the line that calls ours."""
    message = getattr(method, "__deprecated__", None)
    return ours if message is None else deprecated(message, category=MCPDeprecationWarning)(ours)


# Every call that the package offers, in this version of it and in later ones.
for _name, _method in inspect.getmembers(ProxyClient, inspect.isfunction):
    # Until Python 3.12 a deprecated one does not look like a coroutine function.
    if not inspect.iscoroutinefunction(inspect.unwrap(_method)):
        continue
    if not _name.startswith("_"):
        setattr(ProxyClient, _name, _warning_like(_method, _raising_ours(inspect.unwrap(_method))))
