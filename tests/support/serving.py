"""Servers whose bytes a test controls, in the event loop of the test."""

import asyncio
import json
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
from attrs import field, frozen

from posthog_mcp_store import MCPStore

from .certificates import NO_CERTIFICATES
from .wire import installation

Conversation = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(converse: Conversation, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Handle every connection to a port with `converse`, and abort all of them at the end."""
    writers: list[asyncio.StreamWriter] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await converse(reader, writer)
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0)


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A service with one installation."""
    while True:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer_bytes(json.dumps(installation()).encode(), {"Content-Type": "application/json"}))


async def read_request(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """The head and the body of the next request."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
    return head, await reader.readexactly(int(length[1]) if length else 0)


@frozen
class Says:
    """One response to every request."""

    body: bytes
    headers: dict[str, str] = field(factory=lambda: {"Content-Type": "application/json"})
    status: int = 200
    heads: list[bytes] = field(factory=list)
    """Those of the requests."""

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head, _ = await read_request(reader)
            self.heads.append(head)
            writer.write(answer_bytes(self.body, self.headers, self.status))


def answer_bytes(body: bytes, headers: dict[str, str], status: int = 200) -> bytes:
    lines = [f"HTTP/1.1 {status} Status", *(f"{name}: {value}" for name, value in headers.items())]
    if status != 204:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "\r\n"]).encode() + body


@asynccontextmanager
async def store_on(
    kind: str, converse: Conversation, context: ssl.SSLContext | None = None, **options: Any
) -> AsyncIterator[MCPStore]:
    """A store on such a server, over the SDK's own connections ("httpx"), over aiohttp, or over a "client"."""
    verify = NO_CERTIFICATES if context is None else True
    own = httpx.AsyncClient(headers={"Accept-Encoding": "br"}, verify=verify)
    async with serving(converse, context) as port, own as client:
        chosen: dict[str, Any] = {"http_client": client} if kind == "client" else {"transport": kind}
        settings = {
            "host": f"{'http' if context is None else 'https'}://127.0.0.1:{port}",
            "max_retries": 0,
            "api_prefix": "environments",
            **chosen,
            **options,
        }
        async with MCPStore("phx_the_secret_key", **settings) as store:
            yield store
