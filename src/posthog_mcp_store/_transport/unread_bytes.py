"""Closes connections with bytes left after a response, which would be taken for the response to the next request.

httpcore 1.0.9 checks the socket before it reuses a connection, but not the bytes that were already read from it: the
rest of the last chunk in h11, what TLS has not decrypted yet, and what anyio has buffered. None of this is public API.
"""

from collections.abc import AsyncIterator
from typing import Any

import httpx

BODILESS = {204, 304}


def close_if_unread(response: httpx.Response, *, method: str) -> None:
    """Make closing the response also close its connection, if bytes may follow that belong to no response.

    This applies only to HTTP/1.1 over httpcore; the internals of other transports are unknown.
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
            # httpcore then closes the connection, because the exchange did not end properly.
            self._parser.send_failed()
        await self._stream.aclose()


def _announces_body_it_cannot_have(response: httpx.Response, method: str) -> bool:
    """True if a careless server may send a body that is not read. It may do so after a HEAD, too."""
    if response.status_code not in BODILESS and method != "HEAD":
        return False
    headers = response.headers
    return "Transfer-Encoding" in headers or headers.get("Content-Length", "0").strip() != "0"


def _parser(stream: Any) -> Any:
    """The parser of a response's stream, found by way of httpx's and httpcore's own streams."""
    while stream is not None:
        connection = getattr(stream, "_connection", None)
        if connection is not None:
            return getattr(connection, "_h11_state", None)
        stream = getattr(stream, "_stream", None) or getattr(stream, "_httpcore_stream", None)
    return None


def _is_held_back(network: Any) -> bool:
    """True if bytes that were read from the socket are buffered in a TLS layer or by anyio."""
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
