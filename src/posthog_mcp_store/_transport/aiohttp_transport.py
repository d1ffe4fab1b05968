"""`transport="aiohttp"`: sending over aiohttp (extra `aiohttp`).

A request is sent in its caller's task, so cancelling the caller ends it immediately. After any failure, the connection
is aborted, and the error is raised without aiohttp's frames and exceptions, whose variables hold the API key.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import TypeVar, cast

import aiohttp
from attrs import evolve

from .._core.call import ResponseMode
from .._core.errors import APITimeoutError, MCPStoreError
from .._core.headers import Headers
from .._core.response import Body, Response
from .._core.text import without_query
from .aiohttp_session import (
    PIECE_BYTES,
    Connector,
    Content,
    kind_of,
    on_connected,
    open_session,
    parsed_url,
    proxy_options,
    reason,
    timeouts,
)
from .body import read_response
from .closed_loop import release_sockets_and_tasks
from .fair_semaphore import FairSemaphore
from .protocol import PreparedRequest, Transport, closed_error, left_behind_error, no_response_error
from .route import Route
from .waits import Waits

T = TypeVar("T")

BODILESS = {204, 304}
"""Statuses of responses that never have a body (RFC 9112, section 6.3)."""


class AiohttpTransport:
    """Sends at most `width` calls at once over an aiohttp session; further calls queue fairly."""

    def __init__(self, route: Route, width: int) -> None:
        self.loop = asyncio.get_running_loop()
        self.is_closed = False
        self.proxy = proxy_options(route.proxy)
        self._connector = Connector(route)
        self.session = open_session(self._connector)
        self._slots = FairSemaphore(width)
        self.waits = Waits()
        self._bodies: set[_AiohttpBody] = set()

    @property
    def has_foreign_connections(self) -> bool:
        return False

    async def send(self, prepared: PreparedRequest) -> Response:
        await self._slots.acquire(prepared.owner)
        keeps_slot = False
        try:
            if self.is_closed:
                raise closed_error()
            exchange = _Exchange(self, prepared)
            response = await exchange.response()
            if response.body is None:
                return response
            keeps_slot = prepared.call.response_mode is not ResponseMode.DETACHED
            body = _AiohttpBody(response.body, exchange, self, holds_slot=keeps_slot)
            self._bodies.add(body)
            return evolve(response, body=body)
        finally:
            if not keeps_slot:
                self._slots.release()

    def forget(self, body: "_AiohttpBody") -> None:
        self._bodies.discard(body)
        if body.holds_slot:
            self._slots.release()

    async def aclose(self) -> None:
        self.is_closed = True
        await self.waits.end()
        for body in [*self._bodies]:
            await body.aclose()
        await self.session.close()
        # An aborted connection closes its socket in the next iteration of the event loop.
        await asyncio.sleep(0)

    async def abandon(self) -> None:
        self.is_closed = True
        release_sockets_and_tasks(self.loop, self._connector.sockets(), tasks=())
        self._connector.forget()
        self.session.detach()


def open_transport(route: Route, width: int) -> Transport:
    return AiohttpTransport(route, width)


class _Exchange(AsyncIterator[bytes]):
    """A request and its response, as a RawResponse. It also iterates over the chunks of the body."""

    status_code: int
    headers: Headers

    def __init__(self, owner: AiohttpTransport, prepared: PreparedRequest) -> None:
        self._owner = owner
        self._prepared = prepared
        self._transport: asyncio.Transport | None = None
        self._response: aiohttp.ClientResponse | None = None
        self._is_closed = False

    async def response(self) -> Response:
        try:
            return await _without_frames(self._read())
        except BaseException:
            self._abort()
            raise

    async def _read(self) -> Response:
        prepared = self._prepared
        prepared.stopwatch.start()
        response = self._response = await self._held(self._send(), _longest_wait(prepared))
        self.status_code, self.headers = response.status, Headers.received(response.raw_headers)
        if self._transport and response.status in BODILESS and self.headers.get("Content-Length", "0") != "0":
            # aiohttp reads no body here, so an announced one would be left for the next response on the connection.
            self._transport.abort()
        return await read_response(self, prepared)

    async def _send(self) -> aiohttp.ClientResponse:
        prepared, content = self._prepared, self._prepared.call.content
        headers = {**prepared.headers, "authorization": f"Bearer {prepared.api_key.reveal()}"}
        if content:
            headers["content-length"] = str(len(content))
        on_connected.set(self._connected)
        return await self._owner.session.request(
            prepared.call.method,
            parsed_url(prepared.url),
            headers=headers,
            data=Content(content) if content else None,
            allow_redirects=False,
            timeout=timeouts(prepared.limits),
            **self._owner.proxy,
        )

    def _connected(self, transport: asyncio.Transport | None) -> None:
        self._transport = transport

    @property
    def content_encoding(self) -> str:
        return self.headers.get("Content-Encoding", "")

    def chunks(self) -> "_Exchange":
        return self

    async def __anext__(self) -> bytes:
        content = cast(aiohttp.ClientResponse, self._response).content
        if content.is_eof() and content.exception() is None:
            # All has been received: nothing to wait for.
            chunk = content.read_nowait(PIECE_BYTES)
        else:
            chunk = await self._held(content.read(PIECE_BYTES), None)
        if not chunk:
            raise StopAsyncIteration
        return chunk

    async def aclose(self) -> None:
        self._is_closed = True
        self._abort()

    async def _held(self, work: Awaitable[T], seconds: float | None) -> T:
        """Await a part of the exchange in aiohttp, and replace its errors."""
        try:
            return await self._owner.waits.within(work, seconds)
        except Exception as error:  # noqa: BLE001  # the frames of any error hold the key
            raise self._failure(error) from None

    def _failure(self, error: Exception) -> MCPStoreError:
        if self._is_closed or self._owner.is_closed:
            return closed_error()
        prepared, call = self._prepared, self._prepared.call
        place, is_sent = f"{call.method} {without_query(call.url)}", self._transport is not None
        if isinstance(error, TimeoutError):
            message = f"{place}: no response in time ({kind_of(error)}, timeout {prepared.timeout:g} s)"
            return APITimeoutError(message, method=call.method, url=call.url, is_sent=is_sent)
        return no_response_error(prepared, prepared.api_key.redact(reason(error)), is_sent=is_sent)

    def _abort(self) -> None:
        """Drop the connection and any unwritten data, unless it has already been released."""
        if self._response is not None and self._response.closed:
            return
        # asyncio can't abort a transport whose socket is already closed; over TLS it then has no socket.
        transport = self._transport
        if transport is not None and (sock := transport.get_extra_info("socket")) and sock.fileno() >= 0:
            transport.abort()
        if self._response is not None:
            self._response.close()


class _AiohttpBody:
    """A body that is read as it arrives. Cancelling its reader loses no data."""

    def __init__(self, body: Body, exchange: _Exchange, transport: AiohttpTransport, *, holds_slot: bool) -> None:
        self._body = body
        self._exchange = exchange
        self._transport = transport
        self.holds_slot = holds_slot
        """True if it counts towards the width until it is closed."""
        self._is_closed = False

    async def read(self) -> bytes:
        if self._transport.loop.is_closed():
            raise left_behind_error()
        if self._transport.is_closed:
            raise closed_error()
        return await _without_frames(self._body.read())

    async def aclose(self) -> None:
        if self._is_closed or self._transport.loop.is_closed():
            return
        self._is_closed = True
        await self._exchange.aclose()
        self._transport.forget(self)


def _longest_wait(prepared: PreparedRequest) -> float:
    """The maximum wait for the response headers, since aiohttp has no timeout for writing."""
    return sum(seconds for seconds in prepared.limits.values() if seconds is not None)


async def _without_frames(work: Awaitable[T]) -> T:
    """Await `work`, and raise its exceptions, including cancellation, without traceback and chained exceptions.

    The variables in those hold the API key, and the data read so far.
    """
    try:
        return await work
    except BaseException as error:  # noqa: BLE001
        failure = error
    failure.__cause__ = failure.__context__ = None
    raise failure.with_traceback(None)
