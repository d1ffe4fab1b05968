"""The response of an MCP server, message by message as it arrives."""

import asyncio
from collections import deque
from collections.abc import Awaitable
from typing import Any, Self, TypeVar

from .._core.asyncio_only import require_loop
from .._core.errors import APIConnectionError, ConfigurationError, MCPStoreError, ToolCallError
from .._core.response import KEPT_BYTES
from .._request.result import StreamingResponse, SuccessfulResponse
from .messages import MessageReader
from .requests import Message, PendingRequests
from .tool_errors import reply_error

LINGER_SECONDS = 0.5
"""How long to wait for the end of the body once all responses have been received, or if none are expected: servers
should end it then (MCP 2025-06-18, transports), and a connection that was read to its end can be reused."""
PIECE_BYTES = 8 * 1024
"""Decoding this much of the smallest events blocks the event loop for some hundredths of a second."""

T = TypeVar("T")


class ProxyStream:
    """The JSON-RPC messages in the response to a proxy call, as they arrive. Iterate over it once.

    The iteration ends at most half a second after the last response to a request that was sent.

    Attributes:
        session_id: The server's `Mcp-Session-Id`, to pass as `session_id=` in later calls; None if it has no sessions.

    Raises:
        APIConnectionError: The connection broke, or was silent for longer than the timeout.
        ConfigurationError: The stream is closed.
        ResponseDecodeError: The body is not JSON-RPC, a message is larger than `max_response_bytes`, or the body ended
            without the response.
    """

    def __init__(
        self,
        opened: StreamingResponse,
        session_id: str | None,
        reader: MessageReader,
        pending: PendingRequests,
        *,
        must_answer: bool,
    ) -> None:
        self.session_id: str | None = session_id
        self._opened = opened
        self._loop = asyncio.get_running_loop()
        self._reader = reader
        self._pending = pending
        self._must_answer = must_answer
        self._first_bytes = b""
        self._chunk = b""
        self._position = 0
        """How much of the chunk has been decoded."""
        self._messages: deque[dict[str, Any]] = deque()
        self._failure: MCPStoreError | None = None
        self._is_over = False
        self._linger_ends: float | None = None

    @property
    def _result(self) -> SuccessfulResponse:
        """The response with the first bytes of its body."""
        return self._opened.up_to(self._first_bytes)

    def _tool_call_error(self, message: Message) -> ToolCallError:
        """The exception for one of the messages, which is an error."""
        return reply_error(message, self._pending.sent, self._opened.result.response)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> dict[str, Any]:
        self._require_loop()
        while not self._messages:
            if self._failure is not None:
                raise self._failure
            if self._is_over:
                raise StopAsyncIteration
            await self._read_on()
        return self._messages.popleft()

    async def aclose(self) -> None:
        """Release the connection. Leaving the `async with` block does this."""
        self._require_loop()
        if not self._is_over:
            self._is_over = True
            self._failure = ConfigurationError("this stream is closed: read it inside `async with`")
            self._messages.clear()
        await self._opened.body.aclose()

    def _require_loop(self) -> None:
        # A stream of a closed event loop can be left; reading it has an error of its own.
        if not self._loop.is_closed():
            require_loop(self._loop)

    async def _read_on(self) -> None:
        """Read and decode the next bytes. Messages before a failure are not lost."""
        failure: MCPStoreError | None = None
        piece = b""
        try:
            piece = await self._next_piece()
            self._first_bytes += piece[: KEPT_BYTES - len(self._first_bytes)]
            for message in self._reader.feed(piece) if piece else self._reader.end():
                self._pending.take(message)
                if "error" in message:
                    message["error"] = self._opened.result.redactor.data(message["error"])
                self._messages.append(message)
        except MCPStoreError as error:
            failure = error
        except (ValueError, TypeError) as error:
            # After the last response, or if none is expected, nothing can be missing.
            failure = self._result.refused(error) if self._pending.missing else None
        else:
            if piece:
                return
        await self._end(failure or self._unanswered())

    async def _next_piece(self) -> bytes:
        """The next bytes of the body, few enough to decode at once; empty at its end."""
        try:
            if self._position < len(self._chunk):
                # Between two pieces, let other tasks run, and the deadline or a cancellation take effect.
                await self._in_time(asyncio.sleep(0))
            else:
                self._chunk, self._position = await self._in_time(self._opened.body.read()), 0
        except (TimeoutError, APIConnectionError):
            if self._pending.missing:
                raise
            return b""
        piece = self._chunk[self._position : self._position + PIECE_BYTES]
        self._position += len(piece)
        return piece

    async def _in_time(self, work: Awaitable[T]) -> T:
        """Wait until the deadline, or only briefly if no response is missing any more."""
        if self._pending.missing:
            return await self._opened.deadline.hold(work)
        if self._linger_ends is None:
            self._linger_ends = asyncio.get_running_loop().time() + LINGER_SECONDS
        async with asyncio.timeout_at(self._linger_ends):
            return await work

    async def _end(self, failure: MCPStoreError | None) -> None:
        # If it was closed in the meantime, the reason is already set.
        if not self._is_over:
            self._is_over, self._failure = True, failure
        await self.aclose()

    def _unanswered(self) -> MCPStoreError | None:
        if not self._must_answer or not self._pending.missing or self._pending.is_refused:
            return None
        missing = ", ".join(map(repr, self._pending.missing.values()))
        return self._result.unreadable(f"it ended without a response to request {missing}")
