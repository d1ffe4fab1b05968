"""Receiving the end of an OAuth flow on the user's own machine, for development instances of PostHog."""

import asyncio
import secrets
from contextlib import suppress
from http import HTTPStatus
from types import TracebackType
from typing import Self

import h11

from .._core import validation
from .._core.asyncio_only import require_asyncio
from .._core.errors import ConfigurationError, OAuthTimeoutError
from .._core.text import short_repr
from .._oauth.callback import START_AGAIN, OAuthCallback
from .page import HTTPReply, error_reply, result_page
from .requests import HEAD_BYTES, classify, read_request
from .sockets import bind

MAX_PORT = 65535
CONNECTION_SECONDS = 3.0
"""A browser on the same machine needs milliseconds; any other client must not block it for longer than this."""
SERVED_AT_ONCE = 64
MAX_CONNECTIONS = 128
"""Each needs a file descriptor, and some systems give a process only 256."""
UNREAD_BYTES = 1024 * 1024
NEXT_TURN = 1e-6
"""asyncio runs timers after the I/O events of a turn, so this sleep also outlasts what those events started."""


class LoopbackReceiver:
    """Listens on this machine for the browser that comes back from one OAuth flow.

        async with LoopbackReceiver() as receiver:
            redirect = await store.installations.install_custom(
                ..., install_source="posthog-code", posthog_code_callback_url=receiver.url
            )
            open_in_browser(redirect) or print(redirect.url)
            callback = await receiver.wait(timeout=600)
            callback.raise_for_error()

    Only development instances of PostHog accept such a callback URL, and only with the host `localhost`. The receiver
    listens on 127.0.0.1 and ::1 with one port, nowhere else.

    The first GET of `url` with a query that `OAuthCallback.parse` accepts is the result. Every other request gets an
    error reply and is ignored: other paths, methods and Host headers, prefetched pages, headers over 16 KiB. A
    connection lasts 3 seconds at most. 64 are served at the same time, 64 more wait, and any others are closed.

    Entering it opens the port, and raises ConfigurationError if the port is taken, if the receiver was entered before,
    or if the event loop is not asyncio's.
    """

    def __init__(self, *, port: int = 0) -> None:
        """Nothing is opened until the receiver is entered.

        Args:
            port: The TCP port to listen on, up to 65535; 0 picks a free one.

        Raises:
            ConfigurationError: The port is not valid.
        """
        if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port <= MAX_PORT:
            raise ConfigurationError(f"port must be a whole number from 0 to {MAX_PORT}, not {short_repr(port)}")
        self._port = port
        self._path = f"/{secrets.token_urlsafe(32)}"
        self._servers: list[asyncio.Server] = []
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._slots = asyncio.Semaphore(SERVED_AT_ONCE)
        self._is_used = False
        self._callback: OAuthCallback | None = None
        self._is_over = asyncio.Event()

    @property
    def url(self) -> str:
        """Pass this as `posthog_code_callback_url`. Its path is a secret of the flow.

        Raises:
            ConfigurationError: The receiver is not inside `async with`.
        """
        self._require_listening()
        return f"http://{self._authority}{self._path}"

    async def wait(self, timeout: float = 600) -> OAuthCallback:
        """Wait for the browser. Several calls and tasks may wait: all of them get the first callback.

        Args:
            timeout: Seconds to wait. The flow itself expires after ten minutes (docs/service.md, section 6).

        Raises:
            OAuthTimeoutError: The browser did not come back in time. The receiver keeps listening.
            ConfigurationError: The timeout is not a number above zero, or the receiver is not inside `async with`.
        """
        seconds = validation.seconds(timeout, "timeout")
        self._require_listening()
        try:
            async with asyncio.timeout(seconds):
                await self._is_over.wait()
        except TimeoutError:
            message = f"the browser did not come back within {seconds:g} s: {START_AGAIN}"
            raise OAuthTimeoutError(message) from None
        if self._callback is None:
            raise ConfigurationError("this LoopbackReceiver was closed while waiting for the browser")
        return self._callback

    async def __aenter__(self) -> Self:
        if self._is_used:
            raise ConfigurationError("a LoopbackReceiver serves one OAuth flow: create a new one for the next")
        require_asyncio()
        listeners = bind(self._port)
        self._port = listeners[0].getsockname()[1]
        self._is_used = True
        for listener in listeners:
            self._servers.append(
                await asyncio.start_server(self._connected, sock=listener, limit=HEAD_BYTES, start_serving=False)
            )
        try:
            for server in self._servers:
                await server.start_serving()
        except asyncio.CancelledError:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._require_listening()
        stopping = asyncio.create_task(self._stop())
        try:
            await asyncio.shield(stopping)
        finally:
            # A cancellation must not leave it half done. It takes a few turns of the event loop.
            await asyncio.wait([stopping])

    def __repr__(self) -> str:
        return f"<LoopbackReceiver {f'on {self._authority}' if self._servers else 'not listening'}>"

    @property
    def _authority(self) -> str:
        """The Host header of a browser, which omits the default port."""
        return f"localhost:{self._port}".removesuffix(":80")

    def _require_listening(self) -> None:
        if not self._servers:
            raise ConfigurationError("LoopbackReceiver can only be used inside `async with`: enter it first")

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._connections) >= MAX_CONNECTIONS:
            writer.transport.abort()
            return
        task = asyncio.create_task(self._serve(reader, writer))
        self._connections[task] = writer
        # Runs even for a task that is cancelled before its first step.
        task.add_done_callback(self._disconnect)

    def _disconnect(self, task: asyncio.Task[None]) -> None:
        # In a variable: Python 3.13 warns of a StreamWriter that is collected before its transport is closed.
        writer = self._connections.pop(task)
        writer.transport.abort()

    async def _stop(self) -> None:
        servers, self._servers = self._servers, []
        # asyncio loses a connection whose server is closed between `accept` and the creation of its transport.
        await asyncio.sleep(NEXT_TURN)
        for server in servers:
            server.close()
        # `_connected` gets the connections accepted just before.
        await asyncio.sleep(NEXT_TURN)
        self._is_over.set()
        for task in self._connections:
            task.cancel()
        if self._connections:
            await asyncio.wait(self._connections)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A client that is too slow (TimeoutError) or has disconnected is not an error.
        with suppress(OSError):
            async with self._slots, asyncio.timeout(CONNECTION_SECONDS):
                match await read_request(reader):
                    case h11.Request() as request:
                        writer.write(self._reply(request).encode(with_body=request.method != b"HEAD"))
                    case HTTPStatus() as status:
                        writer.write(error_reply(status).encode())
                writer.write_eof()
                await _discard(reader)

    def _reply(self, request: h11.Request) -> HTTPReply:
        verdict = classify(request, authority=self._authority, path=self._path)
        if isinstance(verdict, HTTPStatus):
            return error_reply(verdict)
        # The page describes the callback that `wait` returns, even if this request brought another one.
        self._callback = self._callback or verdict
        # Waiting tasks continue in the next turn of the event loop, after the page is written.
        self._is_over.set()
        return result_page(self._callback)


async def _discard(reader: asyncio.StreamReader) -> None:
    """Read what the client still sends, within a limit.

    Closing a connection with unread data resets it, and the client may lose the reply (RFC 9112, section 9.6).
    """
    left = UNREAD_BYTES
    while left > 0 and (data := await reader.read(left)):
        left -= len(data)
