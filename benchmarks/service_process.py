"""The service that all subjects call: minimal HTTP, so that the clients dominate the measurements.

It listens on a port for each latency in its arguments, in milliseconds, writes the ports as a line of JSON, and exits
at the end of its input.
"""

import asyncio
import gc
import json
import re
import sys
from collections.abc import Iterator
from functools import partial
from urllib.parse import parse_qs, urlsplit

from http_responses import http_response
from installations import COLLECTION, COUNT, installation_id, installation_json
from proxy_responses import proxy_response

BACKLOG = 4096
"""Room for 1,000 simultaneous connections; a client that finds the backlog full waits a second."""
PAUSE_SECONDS = 0.005
"""The time between the parts of a response, longer than a client takes to read one."""
CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Installations:
    """The installations, serialized in advance."""

    def __init__(self) -> None:
        self._serialized = [installation_json(index) for index in range(COUNT)]
        self._responses = {
            f"{COLLECTION}{installation_id(index)}/".encode(): http_response("200 OK", row)
            for index, row in enumerate(self._serialized)
        }

    def response(self, target: bytes) -> bytes:
        if found := self._responses.get(target):
            return found
        url = urlsplit(target.decode())
        if url.path != COLLECTION:
            return http_response("404 Not Found", b'{"detail":"Not found."}')
        query = parse_qs(url.query)
        return self._page(int(query.get("limit", ["100"])[0]), int(query.get("offset", ["0"])[0]))

    def _page(self, limit: int, offset: int) -> bytes:
        end = offset + limit
        next_page = json.dumps(f"{COLLECTION}?limit={limit}&offset={end}" if end < COUNT else None)
        rows = b",".join(self._serialized[offset:end])
        return http_response(
            "200 OK", b'{"count":%d,"next":%b,"previous":null,"results":[%b]}' % (COUNT, next_page.encode(), rows)
        )


def response_parts(installations: Installations, method: bytes, target: bytes, body: bytes) -> list[bytes]:
    if target.endswith(b"/proxy/"):
        return proxy_response(method, target, body)
    return [installations.response(target)]


class Connection(asyncio.Protocol):
    """One connection, which is kept open."""

    def __init__(self, installations: Installations, latency: float) -> None:
        self._installations = installations
        self._latency = latency
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        for request in self._requests():
            parts = response_parts(self._installations, *request)
            if self._latency:
                asyncio.get_running_loop().call_later(self._latency, self._write, parts)
            else:
                self._write(parts)

    def _requests(self) -> Iterator[tuple[bytes, bytes, bytes]]:
        """The method, target and body of each request that was received completely."""
        while True:
            head, end_of_head, rest = self._received.partition(b"\r\n\r\n")
            found = CONTENT_LENGTH.search(head)
            length = int(found[1]) if found else 0
            if not end_of_head or len(rest) < length:
                return
            self._received = rest[length:]
            method, target, _ = head.split(b" ", 2)
            yield method, target, rest[:length]

    def _write(self, parts: list[bytes]) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        self._transport.write(parts[0])
        if parts[1:]:
            asyncio.get_running_loop().call_later(PAUSE_SECONDS, self._write, parts[1:])


async def serve(latencies: list[int]) -> None:
    installations = Installations()
    gc.freeze()
    ports = {}
    for latency in latencies:
        connection = partial(Connection, installations, latency / 1000)
        server = await asyncio.get_running_loop().create_server(connection, "127.0.0.1", 0, backlog=BACKLOG)
        ports[latency] = server.sockets[0].getsockname()[1]
    print(json.dumps(ports), flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve([int(latency) for latency in sys.argv[1:]]))
