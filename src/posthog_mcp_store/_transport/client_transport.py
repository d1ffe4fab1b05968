"""Sending over the user's own `httpx.AsyncClient`.

Each attempt runs in a task of its own. httpcore 1.0.9 permanently loses a connection if a request is cancelled at the
wrong moment, so a cancelled caller returns immediately, and its attempt is ended when that is safe.
"""

import asyncio
import copy
from collections.abc import Coroutine, Iterable, Mapping
from contextlib import suppress
from typing import Any, TypeVar

import httpx
from attrs import evolve

from .._core.call import ResponseMode
from .._core.response import Body, Response
from .body import read_response, read_whole
from .closed_loop import release_sockets_and_tasks
from .fair_semaphore import FairSemaphore
from .httpx_exchange import (
    LOCATION,
    NETWORK_ERRORS,
    HttpxResponse,
    add_bearer_token,
    connection_error,
    invalid_url_error,
    response_headers,
)
from .progress import Progress
from .protocol import PreparedRequest, closed_error, left_behind_error
from .unread_bytes import close_if_unread

T = TypeVar("T")

OWN_HEADERS = {
    "accept-encoding",
    "authorization",
    "content-length",
    "content-type",
    "cookie",
    "host",
    "transfer-encoding",
}
"""Headers that the SDK sets itself, or not at all, so that a client's defaults for them are never used."""
BEFORE_SENDING = {
    "connection.connect_tcp.started",
    "connection.connect_unix_socket.started",
    "http11.send_request_headers.started",
    "http2.send_request_headers.started",
}
"""httpcore's events when a request leaves the pool's queue (httpx, request extensions, "trace")."""
CANCEL_GRACE_SECONDS = 1.0
"""How long a cancelled caller waits for a request or a read to end."""


class ClientTransport:
    """Sends at most `width` attempts at once over a client; further calls queue fairly."""

    def __init__(self, client: httpx.AsyncClient, width: int) -> None:
        self.loop = asyncio.get_running_loop()
        self.sender = isolated_copy(client)
        self._slots = FairSemaphore(width)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._attempts: dict[asyncio.Task[Response], _Attempt] = {}
        self._bodies: set[_PooledBody] = set()
        self._is_closed = False
        self.has_network = False

    @property
    def has_foreign_connections(self) -> bool:
        return self.has_network

    async def send(self, prepared: PreparedRequest) -> Response:
        await self._slots.acquire(prepared.owner)
        if self._is_closed:
            self._slots.release()
            raise closed_error()
        attempt = _Attempt(self, prepared)
        task = self.start(attempt.run())
        self._attempts[task] = attempt
        task.add_done_callback(self._attempted)
        try:
            await asyncio.wait((task,))
        except asyncio.CancelledError:
            await attempt.abandon(task)
            raise
        return result(task)

    def start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run a part of an exchange in a task of its own, which closing the transport ends."""
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # marked as retrieved, or asyncio would report it: its caller may be gone

    def _attempted(self, task: asyncio.Task[Response]) -> None:
        del self._attempts[task]
        body = _body(task)
        if body is None or not body.holds_slot:
            self._slots.release()

    def opened(self, body: "_PooledBody") -> None:
        self._bodies.add(body)

    def closed(self, body: "_PooledBody") -> None:
        self._bodies.discard(body)
        if body.holds_slot:
            self._slots.release()

    async def aclose(self) -> None:
        self._is_closed = True
        # End those in the client's own queue first. Others that end make room for them, and if a request is assigned a
        # connection while it is cancelled, httpcore counts the connection as in use forever.
        await _end(task for task, attempt in self._attempts.items() if attempt.progress.is_queued)
        await _end(self._tasks)
        for body in [*self._bodies]:
            await body.aclose()

    async def abandon(self) -> None:
        self._is_closed = True
        release_sockets_and_tasks(self.loop, (), self._tasks)


class _Attempt:
    """An attempt, which may outlive its caller until the headers of its response are received."""

    def __init__(self, transport: ClientTransport, prepared: PreparedRequest) -> None:
        self._transport = transport
        self._prepared = prepared
        self._is_abandoned = False
        self._has_head = False
        self.progress = Progress()

    async def run(self) -> Response:
        try:
            return await self._answer()
        except BaseException:
            # Later, httpcore closes the connection, or it is shared with other requests (HTTP/2).
            if not self.progress.is_begun:
                await self.progress.close()
            raise

    async def _answer(self) -> Response:
        prepared = self._prepared
        prepared.stopwatch.start()
        sender = self._transport.sender
        request = _request(sender, prepared)
        request.extensions["trace"] = self._trace
        try:
            response = await sender.send(request, auth=None, follow_redirects=False, stream=True)
            self._has_head = True
            # Only real connections have this, unlike mocks and in-process applications.
            self._transport.has_network |= "network_stream" in response.extensions
            if self._is_abandoned:
                await response.aclose()
                return Response(response.status_code, response_headers(response), b"", prepared.stopwatch.seconds)
            read = await read_response(HttpxResponse(response, prepared), prepared)
            return read if read.body is None else evolve(read, body=self._pooled(read.body))
        except httpx.HTTPStatusError as error:
            # A hook of the user's client called raise_for_status(). It is still a response, and httpx has closed it.
            response = error.response
            if response.is_stream_consumed:
                return await read_whole(HttpxResponse(response, prepared), prepared)
            return Response(response.status_code, response_headers(response), b"", prepared.stopwatch.seconds)
        except NETWORK_ERRORS as error:
            raise connection_error(error, prepared) from error

    def _pooled(self, body: Body) -> "_PooledBody":
        return _PooledBody(
            body, self._transport, holds_slot=self._prepared.call.response_mode is not ResponseMode.DETACHED
        )

    async def _trace(self, event: str, info: Mapping[str, Any]) -> None:
        """End an abandoned request when it gets a connection: then this is safe."""
        await self.progress(event, info)
        if self._is_abandoned and event in BEFORE_SENDING:
            raise httpx.WriteError("the call was cancelled before it was sent")

    async def abandon(self, task: asyncio.Task[Response]) -> None:
        """End the attempt: immediately if that is safe, or else before it is sent, or at its timeout."""
        self._is_abandoned = True
        if body := _body(task):
            await body.aclose()
        elif self._has_head or self.progress.is_written or self.progress.is_opening:
            task.cancel()
            await asyncio.wait((task,), timeout=CANCEL_GRACE_SECONDS)
        else:
            timer = asyncio.get_running_loop().call_later(self._prepared.timeout, task.cancel)
            task.add_done_callback(lambda _: timer.cancel())


class _PooledBody:
    """A body that is read in separate tasks, like the attempt before it, so that cancelling its reader is safe."""

    def __init__(self, body: Body, transport: ClientTransport, *, holds_slot: bool) -> None:
        self._body = body
        self._transport = transport
        self.holds_slot = holds_slot
        """True if it counts towards the width until it is closed."""
        self._reading: asyncio.Task[bytes] | None = None
        self._closing: asyncio.Task[None] | None = None
        transport.opened(self)

    async def read(self) -> bytes:
        if self._transport.loop.is_closed():
            raise left_behind_error()
        if self._reading is None:
            self._reading = self._transport.start(self._body.read())
        reading = self._reading
        await asyncio.wait((reading,))
        # If this reader was cancelled, the next one receives the result.
        self._reading = None
        return result(reading)

    async def aclose(self) -> None:
        if self._transport.loop.is_closed():
            return
        if self._closing is None:
            self._closing = asyncio.get_running_loop().create_task(self._close())
        await asyncio.wait((self._closing,))

    async def _close(self) -> None:
        try:
            if self._reading is not None and not self._reading.done():
                self._reading.cancel()
                await asyncio.wait((self._reading,), timeout=CANCEL_GRACE_SECONDS)
            with suppress(*NETWORK_ERRORS):
                await self._body.aclose()
        finally:
            self._transport.closed(self)


def _body(task: asyncio.Task[Response]) -> _PooledBody | None:
    """The open body of an attempt's response, if there is one."""
    if not task.done() or task.cancelled() or task.exception() is not None:
        return None
    body = task.result().body
    return body if isinstance(body, _PooledBody) else None


async def _end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    ending = [*tasks]
    for task in ending:
        task.cancel()
    if ending:
        await asyncio.wait(ending)


def result(task: asyncio.Task[T]) -> T:
    """The result of a task, which closing may have cancelled."""
    if task.cancelled():
        raise closed_error()
    return task.result()


def _request(sender: httpx.AsyncClient, prepared: PreparedRequest) -> httpx.Request:
    call = prepared.call
    try:
        request = sender.build_request(
            call.method,
            prepared.url,
            headers={**prepared.headers},
            content=call.content,
            extensions={"timeout": prepared.limits},
        )
    except (httpx.InvalidURL, UnicodeError) as error:
        raise invalid_url_error(prepared, error) from None
    # The client keeps the service's cookies, like a browser; an API client does not need them.
    request.headers.pop("Cookie", None)
    add_bearer_token(request, prepared.api_key)
    return request


def isolated_copy(client: httpx.AsyncClient) -> httpx.AsyncClient:
    """A copy of a client, with the same connections, that adds only harmless default headers to our requests.

    With the client itself, its query parameters would replace ours, its cookies would be sent, and the service's
    cookies would be stored in it.
    """
    copied = copy.copy(client)
    copied.params = httpx.QueryParams()
    copied.cookies = httpx.Cookies()
    copied.headers = httpx.Headers({name: value for name, value in client.headers.items() if name not in OWN_HEADERS})
    hooks = client.event_hooks
    copied.event_hooks = {"request": hooks["request"], "response": [_check_end, *hooks["response"], _hide_location]}
    return copied


async def _check_end(response: httpx.Response) -> None:
    """Run before the user's own hooks, which may read and close the response."""
    close_if_unread(response, method=response.request.method)


async def _hide_location(response: httpx.Response) -> None:
    """Httpx parses the target of a redirect even if it does not follow it, and fails if it is not valid."""
    if "Location" in response.headers:
        response.extensions[LOCATION] = response.headers.pop("Location")
