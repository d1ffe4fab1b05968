"""The transport of an `mcp.Client` whose messages go through the proxy (extra `mcp`).

Streamable HTTP without its GET and DELETE, which the proxy does not offer: each message is a POST, and its answer
brings the server's messages. What fails is handed to the client as the answer to its request, so that one failure does
not end the session; the typed error travels in `data`.
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

from .._proxy.requests import SentRequests, is_call, is_error
from .._proxy.stream import ProxyStream
from .session import MCPSession
from .tools import RAW_RESULTS, KnownTools

logger = logging.getLogger(__name__)

Incoming = SessionMessage | Exception


@asynccontextmanager
async def proxy_transport(
    session: MCPSession, tools: KnownTools
) -> AsyncIterator[tuple[MemoryObjectReceiveStream[Incoming], "ProxyWriteStream"]]:
    """The two streams that `mcp.Client` asks of a transport: one to read from, one to write to."""
    deliver, incoming = anyio.create_memory_object_stream[Incoming](0)
    async with deliver, incoming, anyio.create_task_group() as group:
        try:
            yield incoming, ProxyWriteStream(session, deliver, group, tools)
        finally:
            group.cancel_scope.cancel()


class ProxyWriteStream:
    """What the client writes to: takes each message to the proxy, and delivers what comes back.

    Requests are under way at the same time, each in a task that inherits the caller's context. A notification is
    taken before the next message is, so that they arrive in order.
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
        self._under_way: dict[RequestId, anyio.CancelScope] = {}

    async def send(self, item: SessionMessage) -> None:
        """Take a message.

        Raises:
            MCPStoreError: A notification was not taken.
        """
        message = item.message
        if isinstance(message, JSONRPCRequest):
            self._tasks.start_soon(self._ask, message, _headers(item))
        elif isinstance(message, JSONRPCNotification):
            await self._notify(message, _headers(item))
        else:
            await self._answer(message)

    async def _ask(self, request: JSONRPCRequest, headers: Mapping[str, str]) -> None:
        with anyio.CancelScope() as scope:
            self._under_way[request.id] = scope
            try:
                await self._exchange(request, headers)
            except Exception as failure:  # noqa: BLE001  # the user's own callbacks may raise anything: it is raised there
                error = ErrorData(code=INTERNAL_ERROR, message=str(failure), data=failure)
                await self._hand_in(JSONRPCError(jsonrpc="2.0", id=request.id, error=error))
            finally:
                del self._under_way[request.id]

    async def _notify(self, notification: JSONRPCNotification, headers: Mapping[str, str]) -> None:
        if notification.method != "notifications/cancelled":
            await self._exchange(notification, headers)
            return
        # Nobody waits for that answer any more. The server learns it by the notification, which must not keep the
        # cancelled caller.
        request_id = (notification.params or {}).get("requestId", "")
        self._under_way.get(request_id, anyio.CancelScope()).cancel()
        self._tasks.start_soon(self._tell, notification, headers)

    async def _tell(self, message: JSONRPCMessage, headers: Mapping[str, str]) -> None:
        try:
            await self._exchange(message, headers)
        except Exception as failure:  # noqa: BLE001  # there is nobody to raise to
            logger.debug("could not notify the MCP server of a cancellation: %s", failure)

    async def _answer(self, message: JSONRPCMessage) -> None:
        """Answer a request of the server."""
        try:
            await self._exchange(message, {})
        except Exception as failure:  # noqa: BLE001  # there is nobody to raise to: the server waits in vain
            logger.warning("a request of the MCP server could not be answered: %s", failure)

    async def _exchange(self, message: JSONRPCMessage, headers: Mapping[str, str]) -> None:
        content = message.model_dump(by_alias=True, mode="json", exclude_unset=True)
        opened, session_id = await self._session.open(content, headers)
        asked_in = self._tools.version
        async with aclosing(opened) as stream:
            async for answer in stream:
                self._tools.redactor = stream._opened.result.redactor  # noqa: SLF001  # here and below: not for users
                if is_call(answer):
                    await self._hand_in(self._from_server(answer))
                # What else answers a notification is for nobody.
                elif isinstance(message, JSONRPCRequest):
                    await self._hand_in(self._answer_to(message, answer, stream, session_id, asked_in))

    def _from_server(self, message: Mapping[str, Any]) -> JSONRPCMessage | None:
        """A request or a notification of the server; None for what is neither, such as a heartbeat."""
        if message["method"] == "notifications/tools/list_changed":
            self._tools.forget()
        try:
            return jsonrpc_message_adapter.validate_python(message, by_name=False)
        except ValidationError:
            logger.debug("ignored a message of the MCP server that is not valid JSON-RPC 2.0")
            return None

    def _answer_to(
        self,
        request: JSONRPCRequest,
        answer: Mapping[str, Any],
        stream: ProxyStream,
        session_id: str | None,
        asked_in: int,
    ) -> JSONRPCMessage:
        """The answer as the client knows it. Errors bring the exception that they are to become."""
        id = answer.get("id")
        # Some servers write an integer as text or with a fraction of zero.
        if SentRequests((request.id,), calls_tools=False).position(id) is not None:
            id = request.id
        if is_error(answer):
            # A request that could not be read is answered without its id.
            id = request.id if id is None else id
            error = stream._tool_call_error(answer)  # noqa: SLF001
            self._session.is_lost_by(error, session_id)
            data = ErrorData(code=error.code, message=error.message, data=error)
            return _checked(lambda: JSONRPCError(jsonrpc="2.0", id=id, error=data), stream)
        result = answer.get("result")
        if request.method == "initialize" and isinstance(result, Mapping):
            self._version = str(result.get("protocolVersion"))
        if request.method == "tools/list" and isinstance(result, Mapping):
            result = self._tools.readable(result, self._version, asked_in)
        if request.method == "tools/call" and (kept := RAW_RESULTS.get(None)) is not None:
            kept.append(result)
        fields = {"jsonrpc": "2.0", "id": id, "result": result}
        return _checked(lambda: JSONRPCResponse.model_validate(fields), stream)

    async def _hand_in(self, message: JSONRPCMessage | None) -> None:
        if message is None:
            return
        # A client that is closing reads no more.
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            await self._deliver.send(SessionMessage(message))

    async def aclose(self) -> None:
        """Nothing: what is under way ends with the transport."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        await self.aclose()


def _headers(item: SessionMessage) -> Mapping[str, str]:
    """What the client would send along, the version of the protocol above all. Today the service drops it."""
    metadata = item.metadata
    return metadata.headers or {} if isinstance(metadata, ClientMessageMetadata) else {}


def _checked(make: Callable[[], JSONRPCMessage], stream: ProxyStream) -> JSONRPCMessage:
    with suppress(ValidationError):
        return make()
    raise stream._result.unreadable("it contains an invalid JSON-RPC 2.0 message")  # noqa: SLF001
