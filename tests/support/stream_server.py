"""A service over real HTTP whose streams a test controls."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from posthog_mcp_store.testing import serve_app


class StreamServer:
    """Sends the head of each response at once, and the chunks of the test to all open responses, in order."""

    def __init__(self, content_type: str = "text/event-stream", *, first: bytes = b": open\n\n") -> None:
        self.requests: list[bytes] = []
        self.clients: list[tuple[str, int]] = []
        """The client address of each request's connection."""
        self._asked = threading.Semaphore(0)
        self._left = threading.Semaphore(0)
        self._content_type = content_type
        self._first = first
        self._answer: Response | None = None
        self._open: list[tuple[asyncio.AbstractEventLoop, asyncio.Queue[bytes | None]]] = []

    @property
    def app(self) -> ASGIApp:
        return self._handle

    def answer_at_once(self, status: int, body: bytes) -> None:
        """Send this complete response from now on."""
        self._answer = Response(body, status, media_type="application/json")

    async def receives_request(self) -> bool:
        """Whether a request arrives within 5 seconds; its response has begun."""
        return await asyncio.to_thread(self._asked.acquire, timeout=5)

    async def loses_client(self) -> bool:
        """Whether a client disconnects before the end of its response, within 5 seconds."""
        return await asyncio.to_thread(self._left.acquire, timeout=5)

    def send(self, chunk: bytes) -> None:
        self._put(chunk)

    def end(self) -> None:
        """End all responses properly."""
        self._put(None)
        self._open.clear()

    def _put(self, item: bytes | None) -> None:
        for loop, queue in self._open:
            loop.call_soon_threadsafe(queue.put_nowait, item)

    async def _handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await _lifespan(receive, send)
            return
        self.clients.append(scope["client"])
        self.requests.append(await _body(receive))
        if self._answer is not None:
            await self._answer(scope, receive, send)
            return
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._open.append((asyncio.get_running_loop(), queue))
        headers = [(b"content-type", self._content_type.encode()), (b"mcp-session-id", b"s-1")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        # Not before there is a part of the body does the server send the head.
        await send({"type": "http.response.body", "body": self._first, "more_body": True})
        self._asked.release()
        flowing = asyncio.create_task(self._flow(queue, send))
        leaving = asyncio.create_task(_left(receive))
        await asyncio.wait({flowing, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not flowing.done():
            self._left.release()
        for task in (flowing, leaving):
            task.cancel()

    async def _flow(self, queue: asyncio.Queue[bytes | None], send: Send) -> None:
        while (chunk := await queue.get()) is not None:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body"})


async def _lifespan(receive: Receive, send: Send) -> None:
    for answer in ("lifespan.startup.complete", "lifespan.shutdown.complete"):
        await receive()
        await send({"type": answer})


async def _body(receive: Receive) -> bytes:
    body = bytearray()
    message: Message = {"more_body": True}
    while message.get("more_body"):
        message = await receive()
        body += message.get("body", b"")
    return bytes(body)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


@contextmanager
def serve_streams(**options: Any) -> Iterator[tuple[StreamServer, str]]:
    """A stream server, and the host it is served at."""
    stream_server = StreamServer(**options)
    with serve_app(stream_server.app) as host:
        yield stream_server, host
