"""An HTTP transport to an ASGI application in this process, with streaming and disconnects."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress

import anyio
import httpx
from starlette.types import ASGIApp, Message, Scope

logger = logging.getLogger(__name__)

# How long an application may take to end on its own once its caller has disconnected.
_GRACE_SECONDS = 1


class InProcessTransport(httpx.AsyncBaseTransport):
    """Sends requests to the application as if to a server: if it fails before its response, the response is a 500.

    httpx.ASGITransport would only return a response once it is complete. Of the timeouts, only `read` is used, for each
    wait for a message.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = await request.aread()
        exchange = _InProcessExchange(_scope(request), body, timeout=request.extensions["timeout"]["read"])
        return await exchange.begin(self._app)


class _InProcessExchange(httpx.AsyncByteStream):
    """One request to the application, which runs in a separate task, and the body of its response.

    The application is never more than one message ahead of the reader.
    """

    _task: asyncio.Task[None]

    def __init__(self, scope: Scope, body: bytes, *, timeout: float | None) -> None:
        self._scope = scope
        self._timeout = timeout
        self._unread: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
        self._sender, self._receiver = anyio.create_memory_object_stream[Message]()
        self._disconnected = asyncio.Event()
        self._awaits_disconnect = False
        self._is_complete = False

    async def begin(self, app: ASGIApp) -> httpx.Response:
        self._task = asyncio.create_task(self._run(app))
        try:
            head = await self._next()
        except httpx.RemoteProtocolError:
            await self.aclose()
            return httpx.Response(500)
        except BaseException:
            await self.aclose()
            raise
        return httpx.Response(head["status"], headers=head.get("headers", []), stream=self)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while not self._is_complete:
            message = await self._next()
            self._is_complete = not message.get("more_body", False)
            yield message.get("body", b"")

    async def aclose(self) -> None:
        """Disconnect, and make sure that the application ends. It is cancelled unless it waits for the disconnect."""
        self._disconnected.set()
        self._receiver.close()
        if not (self._awaits_disconnect or self._is_complete):
            self._task.cancel()
        with anyio.CancelScope(shield=True):
            await asyncio.wait([self._task], timeout=_GRACE_SECONDS)
            self._task.cancel()
            await asyncio.wait([self._task])
        self._sender.close()

    async def _next(self) -> Message:
        try:
            with anyio.fail_after(self._timeout):
                return await self._receiver.receive()
        except TimeoutError:
            raise httpx.ReadTimeout("The application sent nothing in time") from None
        except anyio.EndOfStream:
            raise httpx.RemoteProtocolError("The application ended within its response") from None

    async def _run(self, app: ASGIApp) -> None:
        try:
            await app(self._scope, self._receive, self._send)
        except Exception:
            # After a disconnect, an application may fail in any way.
            if not self._disconnected.is_set():
                logger.exception("The MCP server in this process failed")
        finally:
            self._sender.close()

    async def _send(self, message: Message) -> None:
        # Servers do not treat sending after a disconnect as an error either.
        with suppress(anyio.BrokenResourceError):
            await self._sender.send(message)

    async def _receive(self) -> Message:
        if self._unread:
            return self._unread.pop()
        self._awaits_disconnect = True
        await self._disconnected.wait()
        return {"type": "http.disconnect"}


def _scope(request: httpx.Request) -> Scope:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "scheme": request.url.scheme,
        "path": request.url.path,
        "raw_path": request.url.raw_path.partition(b"?")[0],
        "query_string": request.url.query,
        "server": (request.url.host, request.url.port),
        "client": ("127.0.0.1", 0),
        "root_path": "",
    }
