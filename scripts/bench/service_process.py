"""The service that both sides call, in a process of its own: as little HTTP as it takes, so that clients are measured.

It listens once for each latency it is told, in milliseconds, writes the ports as a line of JSON, and ends when its
input does.
"""

import asyncio
import gc
import json
import sys
from functools import partial
from urllib.parse import parse_qs, urlsplit

from installation_rows import COLLECTION, COUNT, installation_id, installation_json

BACKLOG = 4096
"""1,000 clients knock at once; the system would make those wait a second that find no room."""
HEADERS = (
    "content-type: application/json\r\n"
    "vary: Accept, Cookie\r\n"
    "allow: GET, POST, HEAD, OPTIONS\r\n"
    "x-content-type-options: nosniff\r\n"
    "referrer-policy: same-origin\r\n"
)


class Installations:
    """The rows, written as JSON before anyone asks."""

    def __init__(self) -> None:
        self._rows = [installation_json(index) for index in range(COUNT)]
        self._answers = {
            f"{COLLECTION}{installation_id(index)}/".encode(): http_answer("200 OK", row)
            for index, row in enumerate(self._rows)
        }

    def answer(self, target: bytes) -> bytes:
        if found := self._answers.get(target):
            return found
        url = urlsplit(target.decode())
        if url.path != COLLECTION:
            return http_answer("404 Not Found", b'{"detail":"Not found."}')
        query = parse_qs(url.query)
        return self._page(int(query.get("limit", ["100"])[0]), int(query.get("offset", ["0"])[0]))

    def _page(self, limit: int, offset: int) -> bytes:
        end = offset + limit
        following = json.dumps(f"{COLLECTION}?limit={limit}&offset={end}" if end < COUNT else None)
        rows = b",".join(self._rows[offset:end])
        return http_answer(
            "200 OK", b'{"count":%d,"next":%b,"previous":null,"results":[%b]}' % (COUNT, following.encode(), rows)
        )


def http_answer(status: str, body: bytes) -> bytes:
    return f"HTTP/1.1 {status}\r\n{HEADERS}content-length: {len(body)}\r\n\r\n".encode() + body


class Connection(asyncio.Protocol):
    """One connection, which stays open. Requests have no bodies here."""

    def __init__(self, installations: Installations, latency: float) -> None:
        self._installations = installations
        self._latency = latency
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        *requests, self._received = (self._received + data).split(b"\r\n\r\n")
        for request in requests:
            answer = self._installations.answer(request.split(b" ", 2)[1])
            if self._latency:
                asyncio.get_running_loop().call_later(self._latency, self._write, answer)
            else:
                self._write(answer)

    def _write(self, answer: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(answer)


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
