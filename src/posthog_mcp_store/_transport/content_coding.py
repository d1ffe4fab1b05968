"""Decoding of content codings (RFC 9110, section 8.4) in pieces of bounded size. Pure.

HTTP libraries decompress everything from one read at once, in as many layers as the header names. A few hundred bytes
can then become gigabytes before anyone can count them.
"""

import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol

from .._core.text import short_repr

if TYPE_CHECKING:
    from zlib import _Decompress

ACCEPT_ENCODING = "gzip, deflate"
"""The codings that the SDK requests and can decode."""
PIECE_BYTES = 64 * 1024
"""The maximum output of a step."""
STEP_BYTES = 16 * 1024
"""The maximum input of a step, since input takes time even if it yields no output."""
MAX_BARREN_BYTES = 256 * 1024
"""How much consecutive input may decode to nothing. Compressors need a few hundred bytes; an attack has no limit."""
GZIP_MAGIC = b"\x1f\x8b"


class UndecodableError(ValueError):
    """The body can't be decoded; the message says why."""


class Decoder(Protocol):
    """Decodes one body."""

    def decode(self, chunk: bytes) -> Iterator[bytes]:
        """Decode the next bytes into pieces, each in one bounded step. Pieces may be empty.

        Raises:
            UndecodableError: The bytes do not match the Content-Encoding.
        """
        ...

    def end(self) -> None:
        """Handle the end of the body.

        Raises:
            UndecodableError: It ended too early.
        """
        ...


def decoder_of(content_encoding: str) -> Decoder | None:
    """The decoder for a Content-Encoding header; None if there is nothing to decode."""
    names = [name.strip().lower() for name in content_encoding.split(",")]
    match [name for name in names if name not in {"", "identity"}]:
        case []:
            return None
        case ["gzip" | "x-gzip"]:
            return Inflater(_gzip_window)
        case ["deflate"]:
            return Inflater(_deflate_window)
        case _:
            return UnknownDecoder(content_encoding)


def is_known(content_encoding: str) -> bool:
    """True if a Content-Encoding header can be decoded, or there is nothing to decode."""
    return not isinstance(decoder_of(content_encoding), UnknownDecoder)


class UnknownDecoder:
    """Rejects any content. An empty body needs no decoding."""

    def __init__(self, content_encoding: str) -> None:
        self._content_encoding = content_encoding

    def decode(self, chunk: bytes) -> Iterator[bytes]:
        if chunk:
            name = short_repr(self._content_encoding)
            raise UndecodableError(f"its content encoding is {name}, and only one of {ACCEPT_ENCODING} was asked for")
        yield b""

    def end(self) -> None:
        """Nothing is left over."""


class Inflater:
    """Decompresses consecutive members. Anything after the last one is ignored, as by other clients."""

    def __init__(self, window: Callable[[bytes, bool], int | None]) -> None:
        self._window = window
        """zlib's `wbits` for a member, from its first two bytes and whether it is the first; None if it is not one."""
        self._member: _Decompress | None = None
        self._has_begun = False
        self._head = b""
        """The beginning of a member, while it is too short to recognise its format."""
        self._is_over = False
        self._barren = 0

    def decode(self, chunk: bytes) -> Iterator[bytes]:
        for start in range(0, len(chunk), STEP_BYTES):
            yield from self._step(chunk[start : start + STEP_BYTES])

    def end(self) -> None:
        if self._member is not None or (self._head and not self._has_begun):
            raise _broken("it ends too early")

    def _step(self, data: bytes) -> Iterator[bytes]:
        self._barren += len(data)
        if self._barren > MAX_BARREN_BYTES:
            raise _broken(f"{MAX_BARREN_BYTES} bytes of it decode to nothing")
        may_hold_more = False
        while data or may_hold_more:
            if self._member is None:
                data = self._begin(data)
            if self._member is None:
                return
            piece = _decompressed(self._member, data)
            data, may_hold_more = self._member.unconsumed_tail, len(piece) == PIECE_BYTES
            if self._member.eof:
                data, may_hold_more, self._member = self._member.unused_data, False, None
            if piece:
                self._barren = 0
            yield piece

    def _begin(self, data: bytes) -> bytes:
        """Begin the next member and return its input; empty if none has begun yet, or there are no more."""
        data = self._head + data
        if self._is_over or len(data) < len(GZIP_MAGIC):
            self._head = b"" if self._is_over else data
            return b""
        self._head = b""
        window = self._window(data[:2], not self._has_begun)
        if window is None:
            self._is_over = True
            return b""
        self._member = zlib.decompressobj(window)
        self._has_begun = True
        return data


def _gzip_window(head: bytes, is_first: bool) -> int | None:  # noqa: FBT001
    return zlib.MAX_WBITS | 16 if is_first or head == GZIP_MAGIC else None


def _deflate_window(head: bytes, is_first: bool) -> int | None:  # noqa: FBT001
    if not is_first:
        return None
    # RFC 9110 requires the zlib format (RFC 1950), but some servers send plain deflate (RFC 1951). No compressor starts
    # that with these four bits, which would be unused bits of an uncompressed block.
    is_zlib = head[0] & 0x0F == zlib.DEFLATED
    return zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS


def _decompressed(member: "_Decompress", data: bytes) -> bytes:
    try:
        return member.decompress(data, PIECE_BYTES)
    except zlib.error as error:
        reason = str(error)
    raise _broken(reason)


def _broken(reason: str) -> UndecodableError:
    return UndecodableError(f"its content encoding is broken ({reason})")
