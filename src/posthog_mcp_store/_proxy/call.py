"""A call of the proxy: awaited for its complete response, or entered for a stream."""

from collections.abc import Awaitable, Callable, Coroutine, Generator
from types import TracebackType
from typing import Any

from attrs import evolve

from .._core.call import Call, ResponseMode
from .._core.errors import ConfigurationError
from .._request.result import StreamingResponse
from .messages import BoundedReader, is_event_stream, reader_of
from .reply import ProxyReply, server_session_id
from .requests import PendingRequests, SentRequests
from .stream import ProxyStream

Open = Callable[[Call], Awaitable[StreamingResponse]]


class ProxyCall(Coroutine[Any, Any, ProxyReply]):
    """A message to an MCP server, or a batch, that has not been sent yet. Either await it or enter it, once.

    ```python
    reply = await store.installations.proxy(id, message)

    async with store.installations.proxy(id, message) as stream:
        async for response in stream: ...
    ```

    It is a coroutine, so that `asyncio.create_task()` and `asyncio.gather()` accept it.
    """

    def __init__(self, open: Open, call: Call, sent: SentRequests, *, max_bytes: int) -> None:
        self._open = open
        self._call = call
        self._sent = sent
        self._max_bytes = max_bytes
        self._is_used = False
        self._stream: ProxyStream | None = None
        self._coroutine: Coroutine[Any, Any, ProxyReply] | None = None

    def __await__(self) -> Generator[Any, Any, ProxyReply]:
        return self._reply().__await__()

    async def __aenter__(self) -> ProxyStream:
        self._stream = await self.open()
        return self._stream

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stream is not None:
            await self._stream.aclose()

    async def open(self) -> ProxyStream:
        """Send the message and return its stream, which you have to close. `async with` does both.

        Raises:
            ConfigurationError: The message has been sent before.
        """
        opened, session_id = await self._opened(ResponseMode.DETACHED)
        pending = PendingRequests(self._sent)
        reader = reader_of(opened.result.response.headers, self._max_bytes, pending)
        return ProxyStream(opened, session_id, reader, pending, must_answer=True)

    def send(self, value: Any) -> Any:
        return self._running().send(value)

    def throw(self, *error: Any) -> Any:
        return self._running().throw(*error)

    def close(self) -> None:
        if self._coroutine is not None:
            self._coroutine.close()

    def _running(self) -> Coroutine[Any, Any, ProxyReply]:
        if self._coroutine is None:
            self._coroutine = self._reply()
        return self._coroutine

    async def _reply(self) -> ProxyReply:
        opened, session_id = await self._opened(ResponseMode.STREAMED)
        pending = PendingRequests(self._sent)
        reader = reader_of(opened.result.response.headers, self._max_bytes, pending)
        stream = ProxyStream(
            opened,
            session_id,
            BoundedReader(reader, self._max_bytes),
            pending,
            # In a complete JSON response, `result()` reports what is missing.
            must_answer=is_event_stream(opened.result.response.headers),
        )
        try:
            messages = [message async for message in stream]
        finally:
            await stream.aclose()
        quotable = stream._result.quotable  # noqa: SLF001  # used here and in _mcp.transport, but not public
        return ProxyReply(messages, stream.session_id, self._sent, quotable, self._call)

    async def _opened(self, response_mode: ResponseMode) -> tuple[StreamingResponse, str | None]:
        """The response before its body is read, and the session that it belongs to."""
        if self._is_used:
            raise ConfigurationError("this message has been sent: call proxy() again to send another")
        self._is_used = True
        opened = await self._open(evolve(self._call, response_mode=response_mode))
        try:
            return opened, server_session_id(opened.result.response.headers)
        except ValueError as error:
            # The result of a tool call that ran is more important than its session.
            if self._sent.calls_tools or not self._sent.request_ids:
                return opened, None
            await opened.body.aclose()
            refused = opened.result.refused(error)
        raise refused
