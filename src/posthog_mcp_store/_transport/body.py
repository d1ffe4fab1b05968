"""Reading and decoding the body of a response, all at once or as it arrives, up to its maximum size."""

import asyncio
from collections.abc import AsyncIterator

from .._core.response import KEPT_BYTES, Response
from .content_coding import Decoder, UndecodableError, decoder_of
from .protocol import PreparedRequest, RawResponse


async def read_response(response: RawResponse, prepared: PreparedRequest) -> Response:
    """Read a response: only its headers if the body is streamed, or else as much of the body as can be read.

    Raises:
        APIConnectionError: The connection broke.
    """
    status_code = response.status_code
    if prepared.call.is_streamed_by(status_code):
        body = ResponseBody(response)
        return Response(status_code, response.headers, b"", prepared.stopwatch.seconds, body=body)
    return await read_whole(response, prepared)


class ResponseBody:
    """The body of a response that is still being received."""

    def __init__(self, response: RawResponse) -> None:
        self._response = response
        self._pieces: AsyncIterator[bytes] | None = None

    async def read(self) -> bytes:
        if self._pieces is None:
            self._pieces = _pieces(self._response, bytearray())
        async for piece in self._pieces:
            if piece:
                return piece
        await self._response.aclose()
        return b""

    async def aclose(self) -> None:
        await self._response.aclose()


async def read_whole(response: RawResponse, prepared: PreparedRequest) -> Response:
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
    return Response(response.status_code, response.headers, content, prepared.stopwatch.seconds, broken)


async def _exceeds(response: RawResponse, max_bytes: int, read: bytearray, raw: bytearray) -> bool:
    """Read the decoded body into `read`. Return whether it is larger than `max_bytes`, and then incomplete."""
    announced = response.headers.get("Content-Length", "")
    # If the body will be too large, read no more than an error shows.
    enough = min(max_bytes, KEPT_BYTES - 1) if announced.isdecimal() and int(announced) > max_bytes else max_bytes
    async for piece in _pieces(response, raw):
        read += piece
        if len(read) > enough:
            return True
    return False


def _pieces(response: RawResponse, raw: bytearray) -> AsyncIterator[bytes]:
    """The decoded body in pieces. If it is encoded, its first bytes are also kept undecoded in `raw`."""
    decoder = decoder_of(response.content_encoding)
    return response.chunks() if decoder is None else _Decoded(response.chunks(), decoder, raw)


class _Decoded(AsyncIterator[bytes]):
    """Iterates over decoded pieces, and lets other tasks run after each."""

    def __init__(self, chunks: AsyncIterator[bytes], decoder: Decoder, raw: bytearray) -> None:
        self._chunks = chunks
        self._decoder = decoder
        self._raw = raw
        self._pieces = decoder.decode(b"")
        self._has_worked = False

    async def __anext__(self) -> bytes:
        if self._has_worked:
            await asyncio.sleep(0)
        while (piece := next(self._pieces, None)) is None:
            await self._take_chunk()
        self._has_worked = True
        return piece

    async def _take_chunk(self) -> None:
        try:
            chunk = await anext(self._chunks)
        except StopAsyncIteration:
            self._decoder.end()
            raise
        self._raw += chunk[: KEPT_BYTES - len(self._raw)]
        self._pieces = self._decoder.decode(chunk)
        self._has_worked = False
