"""The transport of an `mcp.Client` whose messages go through the proxy (extra `mcp`).

Streamable HTTP without GET and DELETE, which the proxy does not support: each message is a POST, and the response
contains the server's messages. A failure reaches the client as a JSON-RPC error for its request, with the typed
exception in `data`, so that it does not end the session.
"""

import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from types import TracebackType
from typing import Any, Self

import anyio
from anyio.abc import TaskGroup
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import ClientMessageMetadata, SessionMessage
from mcp_types import (
    INTERNAL_ERROR,
    ErrorData,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
    RequestId,
    jsonrpc_message_adapter,
)
from pydantic import ValidationError

from .._proxy.requests import SentRequests, has_method, is_error
from .._proxy.session import MCPSession
from .._proxy.stream import ProxyStream
from .tools import RAW_RESULTS, KnownTools

logger = logging.getLogger(__name__)

Incoming = SessionMessage | Exception


@asynccontextmanager
async def proxy_transport(
    session: MCPSession, tools: KnownTools
) -> AsyncIterator[tuple[MemoryObjectReceiveStream[Incoming], "ProxyWriteStream"]]:
    """The two streams that `mcp.Client` expects of a transport: one to read from, one to write to."""
    deliver, incoming = anyio.create_memory_object_stream[Incoming](0)
    async with deliver, incoming, anyio.create_task_group() as group:
        try:
            yield incoming, ProxyWriteStream(session, deliver, group, tools)
        finally:
            group.cancel_scope.cancel()


class ProxyWriteStream:
    """The stream that the client writes to: sends each message to the proxy and delivers the responses.

    Requests run concurrently, each in a task that inherits the caller's context. A notification is sent before the
    next message is accepted, so that they arrive in order.
    """

    def __init__(
        self,
        session: MCPSession,
        deliver: MemoryObjectSendStream[Incoming],
        tasks: TaskGroup,
        tools: KnownTools,
    ) -> None:
        self._session = session
        self._deliver = deliver
        self._tasks = tasks
        self._tools = tools
        self._version = ""
        """The version of MCP that the server chose."""
        self._pending: dict[RequestId, anyio.CancelScope] = {}

    async def send(self, item: SessionMessage) -> None:
        """Send a message; a request is sent in the background.

        Raises:
            MCPStoreError: A notification could not be sent.
        """
        message = item.message
        if isinstance(message, JSONRPCRequest):
            self._tasks.start_soon(self._request, message, _headers(item))
        elif isinstance(message, JSONRPCNotification):
            await self._notify(message, _headers(item))
        else:
            await self._respond(message)

    async def _request(self, request: JSONRPCRequest, headers: Mapping[str, str]) -> None:
        with anyio.CancelScope() as scope:
            self._pending[request.id] = scope
            try:
                await self._exchange(request, headers)
            except Exception as failure:  # noqa: BLE001  # raised by the client, whatever a user's callback raised here
                error = ErrorData(code=INTERNAL_ERROR, message=str(failure), data=failure)
                await self._deliver_message(JSONRPCError(jsonrpc="2.0", id=request.id, error=error))
            finally:
                del self._pending[request.id]

    async def _notify(self, notification: JSONRPCNotification, headers: Mapping[str, str]) -> None:
        if notification.method != "notifications/cancelled":
            await self._exchange(notification, headers)
            return
        # Nobody waits for that response any more. Notifying the server must not delay the cancelled caller.
        request_id = (notification.params or {}).get("requestId", "")
        self._pending.get(request_id, anyio.CancelScope()).cancel()
        self._tasks.start_soon(self._notify_of_cancellation, notification, headers)

    async def _notify_of_cancellation(self, message: JSONRPCMessage, headers: Mapping[str, str]) -> None:
        try:
            await self._exchange(message, headers)
        except Exception as failure:  # noqa: BLE001  # no caller is left to raise it to
            logger.debug("could not notify the MCP server of a cancellation: %s", failure)

    async def _respond(self, message: JSONRPCMessage) -> None:
        """Send the response to a request of the server."""
        try:
            await self._exchange(message, {})
        except Exception as failure:  # noqa: BLE001  # there is no caller to raise it to
            logger.warning("could not respond to a request of the MCP server: %s", failure)

    async def _exchange(self, message: JSONRPCMessage, headers: Mapping[str, str]) -> None:
        content = message.model_dump(by_alias=True, mode="json", exclude_unset=True)
        opened, session_id = await self._session.open(content, headers)
        revision = self._tools.revision
        async with aclosing(opened) as stream:
            async for received in stream:
                self._tools.redactor = stream._opened.result.redactor  # noqa: SLF001  # here and below: not for users
                if has_method(received):
                    await self._deliver_message(self._from_server(received))
                # There is no request that a response to a notification could belong to.
                elif isinstance(message, JSONRPCRequest):
                    await self._deliver_message(self._to_response(message, received, stream, session_id, revision))

    def _from_server(self, message: Mapping[str, Any]) -> JSONRPCMessage | None:
        """A request or notification of the server; None for other messages, such as heartbeats."""
        if message["method"] == "notifications/tools/list_changed":
            self._tools.forget()
        try:
            return jsonrpc_message_adapter.validate_python(message, by_name=False)
        except ValidationError:
            logger.debug("ignored a message of the MCP server that is not valid JSON-RPC 2.0")
            return None

    def _to_response(
        self,
        request: JSONRPCRequest,
        received: Mapping[str, Any],
        stream: ProxyStream,
        session_id: str | None,
        revision: int,
    ) -> JSONRPCMessage:
        """The response as the client's type. An error carries the exception to raise."""
        id = received.get("id")
        # Some servers return an integer id as a string or as a float.
        if SentRequests((request.id,), calls_tools=False).position(id) is not None:
            id = request.id
        if is_error(received):
            # The response to a request that the server could not parse has no id.
            id = request.id if id is None else id
            error = stream._tool_call_error(received)  # noqa: SLF001
            self._session.note_loss(error, session_id)
            data = ErrorData(code=error.code, message=error.message, data=error)
            return _checked(lambda: JSONRPCError(jsonrpc="2.0", id=id, error=data), stream)
        result = received.get("result")
        if request.method == "initialize" and isinstance(result, Mapping):
            self._version = str(result.get("protocolVersion"))
        if request.method == "tools/list" and isinstance(result, Mapping):
            result = self._tools.readable(result, self._version, revision)
        if request.method == "tools/call" and (kept := RAW_RESULTS.get(None)) is not None:
            kept.append(result)
        fields = {"jsonrpc": "2.0", "id": id, "result": result}
        return _checked(lambda: JSONRPCResponse.model_validate(fields), stream)

    async def _deliver_message(self, message: JSONRPCMessage | None) -> None:
        if message is None:
            return
        # A client that is closing has stopped reading.
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            await self._deliver.send(SessionMessage(message))

    async def aclose(self) -> None:
        """Do nothing: pending requests end with the transport."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        await self.aclose()


def _headers(item: SessionMessage) -> Mapping[str, str]:
    """The client's own headers, mainly the protocol version. The service drops them today."""
    metadata = item.metadata
    return metadata.headers or {} if isinstance(metadata, ClientMessageMetadata) else {}


def _checked(make: Callable[[], JSONRPCMessage], stream: ProxyStream) -> JSONRPCMessage:
    with suppress(ValidationError):
        return make()
    raise stream._result.unreadable("it contains an invalid JSON-RPC 2.0 message")  # noqa: SLF001
