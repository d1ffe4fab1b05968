"""Bytes behind an answer: a connection that holds some is closed, or they would be the answer to the next request.

httpcore 1.0.9 looks at the socket before it uses a connection again, but not at what was read from it already: what h11
keeps of the last chunk, what TLS has not decrypted yet, what anyio holds back. None of it is public.
"""

from collections.abc import AsyncIterator
from typing import Any

import httpx

BODILESS = {204, 304}


def close_if_unread(response: httpx.Response, *, method: str) -> None:
    """Have the connection of a response closed with it, where bytes may come behind it that belong to no answer.

    Over HTTP/1.1 and httpcore, that is: other transports are not known from the inside.
    """
    parser = _parser(response.stream)
    if parser is not None:
        network = response.extensions.get("network_stream")
        is_announced = _announces_body_it_cannot_have(response, method)
        response.stream = _CheckedStream(response.stream, parser, network, is_announced=is_announced)


class _CheckedStream(httpx.AsyncByteStream):
    def __init__(self, stream: Any, parser: Any, network: Any, *, is_announced: bool) -> None:
        self._stream = stream
        self._parser = parser
        self._network = network
        self._is_announced = is_announced

    def __aiter__(self) -> AsyncIterator[bytes]:
        return aiter(self._stream)

    async def aclose(self) -> None:
        if self._is_announced or self._parser.trailing_data[0] or _is_held_back(self._network):
            # httpcore closes what is not done in good order, and keeps the rest.
            self._parser.send_failed()
        await self._stream.aclose()


def _announces_body_it_cannot_have(response: httpx.Response, method: str) -> bool:
    """Whether a server that is not careful may send a body that nobody will read. A HEAD may be answered so, too."""
    if response.status_code not in BODILESS and method != "HEAD":
        return False
    headers = response.headers
    return "Transfer-Encoding" in headers or headers.get("Content-Length", "0").strip() != "0"


def _parser(stream: Any) -> Any:
    """The parser behind a response's stream, through httpx's and httpcore's own streams."""
    while stream is not None:
        connection = getattr(stream, "_connection", None)
        if connection is not None:
            return getattr(connection, "_h11_state", None)
        stream = getattr(stream, "_stream", None) or getattr(stream, "_httpcore_stream", None)
    return None


def _is_held_back(network: Any) -> bool:
    """Whether bytes wait that were read from the socket: in a TLS layer, or in what anyio gives out in pieces."""
    stream = getattr(network, "_stream", None)
    while stream is not None:
        encrypted = getattr(stream, "_read_bio", None)
        if encrypted is not None and encrypted.pending:
            return True
        protocol = getattr(stream, "_protocol", None)
        if protocol is not None and protocol.read_queue:
            return True
        stream = getattr(stream, "transport_stream", None)
    return False
