"""One request and its answer in the HTTP library's terms: how it is built, how it is read, and what goes wrong."""

import sys
from collections.abc import AsyncIterator, Mapping
from functools import lru_cache
from time import perf_counter
from typing import Protocol, cast

import httpx
from attrs import frozen

from ._aiohttp import is_sent_after_all
from ._answer import FIRST_BYTES, Answer, Headers
from ._errors import APIConnectionError, APITimeoutError, ConfigurationError
from ._operations import Call
from ._secret import Secret
from ._text import one_line, without_query
from ._version import __version__

CONNECT_TIMEOUT = 10.0
DEFAULT_MAX_RESPONSE_BYTES = 16 * 1024 * 1024
USER_AGENT = f"posthog-mcp-store/{__version__} Python/{sys.version_info.major}.{sys.version_info.minor}"

LOCATION = "posthog_mcp_store.location"
"""Under this name a response's extensions keep its Location while httpx has it in hand."""
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)
"""What fails before the first byte of the request is on its way."""

parsed_url = lru_cache(maxsize=256)(httpx.URL)
"""Parsing a URL takes a twelfth of a call's time, and a service asks for the same ones again and again."""


@frozen
class Outgoing:
    """A call on its way out: what one attempt sends, and within which bounds."""

    call: Call
    url: str
    headers: Mapping[str, str]
    api_key: Secret
    timeout: float
    """Seconds for each step of the network; connecting takes 10 at most."""
    max_bytes: int
    """The largest body of an answer that is read."""

    @property
    def limits(self) -> dict[str, float | None]:
        """Waiting for a connection has no bound of its own: that is the queue's, and the deadline's."""
        connect = min(self.timeout, CONNECT_TIMEOUT)
        return {"connect": connect, "read": self.timeout, "write": self.timeout, "pool": None}


class Pool(Protocol):
    """Connections to send over, in one event loop."""

    @property
    def holds_connections(self) -> bool:
        """Whether it holds connections that only this event loop can use."""
        ...

    async def send(self, outgoing: Outgoing) -> Answer:
        """Send one attempt and read its answer, as far as the call asks for; queue until there is room for it.

        Raises:
            APIConnectionError: No answer came.
            ConfigurationError: The pool is closed.
        """
        ...

    async def aclose(self) -> None:
        """Close what is the SDK's own. Calls under way and after it fail."""


def closed_error() -> ConfigurationError:
    return ConfigurationError("this MCPStore is closed: make a new one, or call before leaving `async with`")


def bare_request(outgoing: Outgoing) -> httpx.Request:
    """The request, with nothing but what the SDK puts into it."""
    try:
        url = parsed_url(outgoing.url)
        request = httpx.Request(
            outgoing.call.method,
            url,
            headers={"accept-encoding": "gzip, deflate", "connection": "keep-alive", **outgoing.headers},
            content=outgoing.call.content,
            extensions={"timeout": outgoing.limits},
        )
    except (httpx.InvalidURL, UnicodeError) as error:
        raise invalid_url(outgoing, error) from None
    authorize(request, outgoing.api_key)
    return request


def authorize(request: httpx.Request, api_key: Secret) -> None:
    """Put the key on, as the last thing before sending: nothing else ever holds it in plain."""
    request.headers["Authorization"] = f"Bearer {api_key.reveal()}"


def invalid_url(outgoing: Outgoing, error: Exception) -> ConfigurationError:
    return ConfigurationError(one_line(f"{without_query(outgoing.url)} is no URL to send to: {error}"))


async def read_answer(response: httpx.Response, outgoing: Outgoing, started: float) -> Answer:
    """Read an answer: up to its body where that is streamed, else whole, or as far as it can be."""
    status_code = response.status_code
    if outgoing.call.is_streamed_by(status_code):
        body = ResponseBody(response, outgoing)
        return Answer(status_code, answer_headers(response), b"", perf_counter() - started, body=body)
    return await _read_whole(response, outgoing.max_bytes, started)


class ResponseBody:
    """The body of a response while it arrives."""

    def __init__(self, response: httpx.Response, outgoing: Outgoing) -> None:
        self._response = response
        self._outgoing = outgoing
        self._chunks = _decoded(response, bytearray())

    async def read(self) -> bytes:
        try:
            async for chunk in self._chunks:
                if chunk:
                    return chunk
        except httpx.DecodingError as error:
            raise ValueError(_undecodable(error)) from None
        except httpx.RequestError as error:
            raise connection_error(error, self._outgoing) from error
        await self._response.aclose()
        return b""

    async def aclose(self) -> None:
        await self._response.aclose()


async def _read_whole(response: httpx.Response, max_bytes: int, started: float) -> Answer:
    """Read an answer, and let go of its connection."""
    raw = bytearray()
    content, broken = b"", None
    try:
        content, broken = await _read_body(response, max_bytes, raw)
    except httpx.DecodingError as error:
        content, broken = bytes(raw), _undecodable(error)
    finally:
        await response.aclose()
    return Answer(response.status_code, answer_headers(response), content, perf_counter() - started, broken)


async def _read_body(response: httpx.Response, max_bytes: int, raw: bytearray) -> tuple[bytes, str | None]:
    """The decoded body, and why it is only the beginning of one, if so; `raw` as `_decoded` fills it.

    More than `max_bytes` are never kept; what one read from the network unpacks to may come on top for a moment.
    """
    too_large = f"its body is larger than the {max_bytes} bytes of max_response_bytes"
    announced = response.headers.get("Content-Length", "")
    # Of a body that will be too large, no more is read than an error shows.
    enough = min(max_bytes, FIRST_BYTES - 1) if announced.isdecimal() and int(announced) > max_bytes else max_bytes
    if response.is_stream_consumed:
        return response.content[:max_bytes], too_large if len(response.content) > max_bytes else None
    chunks, size = [], 0
    async for chunk in _decoded(response, raw):
        chunks.append(chunk)
        size += len(chunk)
        if size > enough:
            return b"".join(chunks)[:FIRST_BYTES], too_large
    return b"".join(chunks), None


def _decoded(response: httpx.Response, raw: bytearray) -> AsyncIterator[bytes]:
    """The body's chunks. Of one that is encoded, the first bytes are kept in `raw` as they came."""
    if response.is_stream_consumed:
        # A hook of the user's client has read it; httpx then gives what it keeps.
        return response.aiter_bytes()
    # Asynchronous clients and transports give no others.
    stream = cast(httpx.AsyncByteStream, response.stream)
    if "Content-Encoding" not in response.headers:
        # Without httpx's way through its decoders, which is nearly half of reading a small answer.
        return aiter(stream)
    response.stream = _KeepingStream(stream, raw)
    return response.aiter_bytes()


@frozen
class _KeepingStream(httpx.AsyncByteStream):
    """A stream that keeps its first bytes as they came, to be shown when they can't be decoded."""

    stream: httpx.AsyncByteStream
    kept: bytearray

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self.stream:
            self.kept.extend(chunk[: FIRST_BYTES - len(self.kept)])
            yield chunk

    async def aclose(self) -> None:
        await self.stream.aclose()


def _undecodable(error: httpx.DecodingError) -> str:
    return f"its content encoding is broken ({error})"


def answer_headers(response: httpx.Response) -> Headers:
    location = response.extensions.get(LOCATION)
    return Headers(response.headers if location is None else {**response.headers, "location": location})


def connection_error(error: httpx.RequestError, outgoing: Outgoing) -> APIConnectionError:
    """The error for an attempt that got no answer."""
    call = outgoing.call
    # Whoever keeps the error keeps its cause, and the cause keeps the request: not with the key in it.
    error.request = httpx.Request(call.method, call.url)
    kind, place = type(error).__name__, f"{call.method} {without_query(call.url)}"
    is_sent = not isinstance(error, NEVER_SENT) or is_sent_after_all(error.__cause__)
    said = outgoing.api_key.blot_out(str(error))
    if said != str(error):
        # A parser quotes what it can't read, of a server that echoes requests; so do the errors and frames behind it.
        error.args = (said,)
        error.__cause__ = error.__context__ = error.__traceback__ = None
    if isinstance(error, httpx.TimeoutException):
        message = f"{place}: no answer in time ({kind}, timeout {outgoing.timeout:g} s)"
        return APITimeoutError(message, method=call.method, url=call.url, is_sent=is_sent)
    reason = f"{kind}: {said}" if said else kind
    message = one_line(f"{place}: no answer ({reason})")
    return APIConnectionError(message, method=call.method, url=call.url, is_sent=is_sent)
