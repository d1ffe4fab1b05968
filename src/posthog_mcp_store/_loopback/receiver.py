"""Receiving the end of an OAuth flow on the user's own machine, for development instances of PostHog."""

import asyncio
import secrets
import socket
from contextlib import suppress
from functools import partial
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
from .requests import classify
from .sockets import Listener, listen

LARGEST_PORT = 65535
HEAD_BYTES = 16 * 1024
"""Longer ones are refused. What the service appends is far shorter, browsers send some kilobytes of their own."""
CONNECTION_SECONDS = 3.0
"""For a connection whole. A browser on the same machine needs milliseconds; others keep it waiting for no longer."""
CONNECTIONS_AT_ONCE = 64
"""On each address. Further ones wait to be accepted, where they cost this process nothing."""
LEFTOVER_READS = 16
LEFTOVER_BYTES = 64 * 1024


class LoopbackReceiver:
    """Listens on this machine for the browser that comes back from one OAuth flow.

        async with LoopbackReceiver() as receiver:
            redirect = await store.installations.install_custom(
                ..., install_source="posthog-code", posthog_code_callback_url=receiver.url
            )
            open_in_browser(redirect) or print(redirect.url)
            callback = await receiver.wait(timeout=600)
            callback.raise_for_error()

    Only development instances of PostHog take such a callback, and only with the name `localhost` in it, so there is no
    other host to choose. Listens on 127.0.0.1 and ::1 with one port, nowhere else.

    The first GET of `url` with a query that `OAuthCallback.parse` reads is taken and kept. Everything else is answered
    and ignored: other paths, methods and Host headers, pages that a browser fetches ahead, heads over 16 KiB. A
    connection lasts for 3 seconds at most; 64 on each address are served at once, and further ones wait.
    """

    def __init__(self, *, port: int = 0) -> None:
        """Nothing is opened yet.

        Args:
            port: 0 takes one that is free.

        Raises:
            ConfigurationError: That is no port.
        """
        if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port <= LARGEST_PORT:
            raise ConfigurationError(f"port must be a whole number from 0 to {LARGEST_PORT}, not {short_repr(port)}")
        self._port = port
        self._path = f"/{secrets.token_urlsafe(32)}"
        self._listeners: list[Listener] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._kept: OAuthCallback | None = None
        self._arrival: asyncio.Future[OAuthCallback] | None = None

    @property
    def url(self) -> str:
        """Where to have the browser sent: `posthog_code_callback_url`. Its path is a secret of the flow.

        Raises:
            ConfigurationError: Outside of `async with` there is none.
        """
        self._current_arrival()
        return f"http://{self._authority}{self._path}"

    async def wait(self, timeout: float = 600) -> OAuthCallback:
        """Wait for the browser. Can be called again, and by several tasks: all of them get the first callback.

        Args:
            timeout: Seconds. The service itself gives a flow ten minutes.

        Raises:
            OAuthTimeoutError: It did not come in time. The receiver goes on listening.
            ConfigurationError: The timeout is no number above zero, or `async with` is not entered or already left.
        """
        seconds = validation.seconds(timeout, "timeout")
        arrival = self._current_arrival()
        # Unlike `wait_for`, it leaves the future alone when its own time is over or its task is cancelled.
        await asyncio.wait([arrival], timeout=seconds)
        if not arrival.done():
            raise OAuthTimeoutError(f"the browser did not come back within {seconds:g} s: {START_AGAIN}")
        if arrival.cancelled():
            raise ConfigurationError("this LoopbackReceiver was left while somebody waited for the browser")
        return arrival.result()

    async def __aenter__(self) -> Self:
        """Listen.

        Raises:
            ConfigurationError: The port is taken, the receiver was entered before, or this is not asyncio.
        """
        if self._arrival is not None:
            raise ConfigurationError("a LoopbackReceiver is for one OAuth flow: make another one for the next")
        require_asyncio()
        self._listeners = listen(self._port)
        self._port = self._listeners[0].getsockname()[1]
        self._arrival = asyncio.get_running_loop().create_future()
        for listener in self._listeners:
            self._tasks.add(asyncio.create_task(self._accept(listener)))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._current_arrival().cancel()
        listeners, self._listeners = self._listeners, []
        for listener in listeners:
            listener.stop()
        for task in self._tasks:
            task.cancel()
        try:
            await asyncio.wait(self._tasks)
        finally:
            # Not before: the event loop still watches them until then.
            for listener in listeners:
                listener.close()

    def __repr__(self) -> str:
        return f"<LoopbackReceiver {f'on {self._authority}' if self._listeners else 'not listening'}>"

    @property
    def _authority(self) -> str:
        """As browsers write it: they leave out the port that is the scheme's own."""
        return f"localhost:{self._port}".removesuffix(":80")

    def _current_arrival(self) -> asyncio.Future[OAuthCallback]:
        if self._arrival is None or not self._listeners:
            raise ConfigurationError("a LoopbackReceiver listens inside of `async with` only")
        return self._arrival

    async def _accept(self, listener: Listener) -> None:
        # Accepted here and not by asyncio's own server, which accepts without bound.
        slots = asyncio.Semaphore(CONNECTIONS_AT_ONCE)
        while True:
            await slots.acquire()
            connection = await listener.next_connection()
            task = asyncio.create_task(self._serve(connection))
            self._tasks.add(task)
            # Also for a task that is cancelled before it begins.
            task.add_done_callback(partial(self._end, connection, slots))

    def _end(self, connection: socket.socket, slots: asyncio.Semaphore, task: asyncio.Task[None]) -> None:
        connection.close()
        slots.release()
        self._tasks.discard(task)

    async def _serve(self, connection: socket.socket) -> None:
        # Who is too slow (TimeoutError) or has gone is nobody's error.
        with suppress(OSError):
            async with asyncio.timeout(CONNECTION_SECONDS):
                match await _read_head(connection):
                    case h11.Request() as request:
                        await self._answer(connection, request)
                    case HTTPStatus() as status:
                        await _send(connection, error_reply(status))
                await _read_leftovers(connection)

    async def _answer(self, connection: socket.socket, request: h11.Request) -> None:
        verdict = classify(request, authority=self._authority, path=self._path)
        if isinstance(verdict, HTTPStatus):
            await _send(connection, error_reply(verdict), with_body=request.method != b"HEAD")
            return
        # A page about anything but what was kept would tell its reader something untrue.
        self._kept = self._kept or verdict
        try:
            await _send(connection, result_page(self._kept))
        finally:
            # Not before: who waits may leave at once, and the browser would get no page.
            self._arrive(self._kept)

    def _arrive(self, callback: OAuthCallback) -> None:
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(callback)


async def _read_head(connection: socket.socket) -> h11.Request | HTTPStatus | None:
    """A request up to its body, else the status to refuse it with; None where nothing came."""
    reader = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_BYTES)
    # One more, by which h11 tells that a head is too long.
    wanted = HEAD_BYTES + 1
    try:
        while (event := reader.next_event()) is h11.NEED_DATA:
            data = await asyncio.get_running_loop().sock_recv(connection, wanted)
            wanted -= len(data)
            reader.receive_data(data)
    except h11.RemoteProtocolError as error:
        return HTTPStatus(error.error_status_hint)
    return event if isinstance(event, h11.Request) else None


async def _send(connection: socket.socket, reply: HTTPReply, *, with_body: bool = True) -> None:
    await asyncio.get_running_loop().sock_sendall(connection, reply.encode(with_body=with_body))


async def _read_leftovers(connection: socket.socket) -> None:
    """Say goodbye, and throw away what still comes, up to 1 MiB.

    Closing a connection with something unread in it resets it, and its other end may lose the answer (RFC 9112,
    section 9.6).
    """
    connection.shutdown(socket.SHUT_WR)
    for _ in range(LEFTOVER_READS):
        if not await asyncio.get_running_loop().sock_recv(connection, LEFTOVER_BYTES):
            return
