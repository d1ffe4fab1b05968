"""Reading and decoding the body of a response, all at once or as it arrives, up to its maximum size."""

import asyncio
from collections.abc import AsyncIterator
from time import perf_counter
from typing import cast

import httpx

from .._core.response import KEPT_BYTES, Response
from .content_coding import GZIP_MAGIC, Decoder, NoDecoder, UndecodableError, UnknownDecoder, decoder_of
from .httpx_exchange import NETWORK_ERRORS, connection_error, response_headers
from .protocol import PreparedRequest


async def read_response(response: httpx.Response, prepared: PreparedRequest, started: float) -> Response:
    """Read a response: only its headers if the body is streamed, or else as much of the body as can be read."""
    status_code = response.status_code
    if prepared.call.is_streamed_by(status_code):
        body = ResponseBody(response, prepared)
        return Response(status_code, response_headers(response), b"", perf_counter() - started, body=body)
    return await read_whole(response, prepared, started)


class ResponseBody:
    """The body of a response that is still being received."""

    def __init__(self, response: httpx.Response, prepared: PreparedRequest) -> None:
        self._response = response
        self._prepared = prepared
        self._pieces: AsyncIterator[bytes] | None = None

    async def read(self) -> bytes:
        try:
            if self._pieces is None:
                self._pieces = _pieces(self._response, bytearray())
            async for piece in self._pieces:
                if piece:
                    return piece
        except NETWORK_ERRORS as error:
            raise connection_error(error, self._prepared) from error
        await self._response.aclose()
        return b""

    async def aclose(self) -> None:
        await self._response.aclose()


async def read_whole(response: httpx.Response, prepared: PreparedRequest, started: float) -> Response:
    """Read a response and release its connection. If the body can't be read, its first bytes are kept."""
    read, raw = bytearray(), bytearray()
    broken = None
    try:
        if await _exceeds(response, prepared.max_bytes, read, raw):
            broken = f"its body is larger than the {prepared.max_bytes} bytes of max_response_bytes"
    except UndecodableError as error:
        broken = str(error)
        # The undecodable body of an error response is of no use.
        read = read or (raw if prepared.call.is_success(response.status_code) else read)
    finally:
        await response.aclose()
    content = bytes(read if broken is None else read[:KEPT_BYTES])
    return Response(response.status_code, response_headers(response), content, perf_counter() - started, broken)


async def _exceeds(response: httpx.Response, max_bytes: int, read: bytearray, raw: bytearray) -> bool:
    """Read the decoded body into `read`. Return whether it is larger than `max_bytes`, and then incomplete."""
    announced = response.headers.get("Content-Length", "")
    # If the body will be too large, read no more than an error shows.
    enough = min(max_bytes, KEPT_BYTES - 1) if announced.isdecimal() and int(announced) > max_bytes else max_bytes
    async for piece in _pieces(response, raw):
        read += piece
        if len(read) > enough:
            return True
    return False


def _pieces(response: httpx.Response, raw: bytearray) -> AsyncIterator[bytes]:
    """The decoded body in pieces. If it is encoded, its first bytes are also kept undecoded in `raw`."""
    decoder = decoder_of(response.headers.get("Content-Encoding", ""))
    if response.is_stream_consumed:
        return _of_content(response, decoder, raw)
    # Asynchronous clients and transports have no other streams.
    stream = cast(httpx.AsyncByteStream, response.stream)
    # httpx's own reading has no limit for the decoded size. It also takes nearly half the time of a small response.
    return aiter(stream) if decoder is None else _Decoded(aiter(stream), decoder, raw)


def _of_content(response: httpx.Response, decoder: Decoder | None, raw: bytearray) -> AsyncIterator[bytes]:
    """The pieces of a body that a hook of the user's client has read. httpx has decoded it if it could."""
    try:
        content = response.content
    except httpx.ResponseNotRead:
        raise UndecodableError("a hook of the http_client took its body and did not keep it") from None
    is_encoded = isinstance(decoder, UnknownDecoder) or content.startswith(GZIP_MAGIC)
    if decoder is None or not is_encoded:
        decoder = NoDecoder()
    return _Decoded(None, decoder, raw, content)


class _Decoded(AsyncIterator[bytes]):
    """Iterates over decoded pieces, and lets other tasks run after each."""

    def __init__(
        self, chunks: AsyncIterator[bytes] | None, decoder: Decoder, raw: bytearray, content: bytes = b""
    ) -> None:
        self._chunks = chunks
        self._decoder = decoder
        self._raw = raw
        self._has_worked = False
        self._take(content)

    async def __anext__(self) -> bytes:
        if self._has_worked:
            await asyncio.sleep(0)
        while (piece := next(self._pieces, None)) is None:
            self._take(await self._next_chunk())
        self._has_worked = True
        return piece

    async def _next_chunk(self) -> bytes:
        try:
            if self._chunks is not None:
                return await anext(self._chunks)
        except StopAsyncIteration:
            pass
        self._decoder.end()
        raise StopAsyncIteration

    def _take(self, chunk: bytes) -> None:
        self._raw += chunk[: KEPT_BYTES - len(self._raw)]
        self._pieces = self._decoder.decode(chunk)
        self._has_worked = False
