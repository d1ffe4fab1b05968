"""Connections that break below HTTP, and stray bytes that belong to no response."""

import asyncio
import json
import os
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress

import anyio
import httpx
import pytest

from posthog_mcp_store import APIConnectionError, MCPStore, NotFoundError

from ..support.event_loop import loop_rounds
from ..support.serving import answer_bytes, read_request, serving, store_on
from ..support.wire import ID, Wire, installation

KINDS = ["httpx", "client"]
KEY = "phx_the_secret_key"
JSON = {"Content-Type": "application/json"}
KNOWN = answer_bytes(json.dumps(installation()).encode(), JSON)
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
UNREADABLE_RECORD = b"\x17\x03\x03\x00\x20" + bytes(32)
"""Application data in TLS that nobody encrypted."""

on_both = pytest.mark.parametrize("kind", KINDS)


async def retrieve(store: MCPStore) -> object:
    return (await store.installations.retrieve(ID)).name


async def install(store: MCPStore) -> object:
    return await store.installations.install_custom(name="a", url="https://a.example.com", auth_type="api_key")


async def delete(store: MCPStore) -> object:
    await store.installations.delete(ID)
    return None


async def ping(store: MCPStore) -> object:
    return (await store.installations.proxy(ID, PING)).messages


async def stream_a_ping(store: MCPStore) -> object:
    async with store.installations.proxy(ID, PING) as stream:
        return [message async for message in stream]


class GarbledTLS:
    """Sends an unreadable record in place of a response, or of its body."""

    def __init__(self, head: bytes, *, times: int) -> None:
        self.requests = 0
        self._head = head
        self._times = times

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            self.requests += 1
            if self.requests > self._times:
                writer.write(KNOWN)
                continue
            writer.write(self._head)
            os.write(writer.get_extra_info("socket").fileno(), UNREADABLE_RECORD)


HEADS = [b"", b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{"]


@on_both
@pytest.mark.parametrize("head", HEADS, ids=["head", "body"])
async def test_a_read_is_repeated_after_a_tls_record_that_cant_be_read(
    kind: str, head: bytes, tls_context: ssl.SSLContext
) -> None:
    server = GarbledTLS(head, times=1)

    async with store_on(kind, server, tls_context, max_retries=1) as store:
        assert await retrieve(store) == "My API Server"

    assert server.requests == 2


@on_both
@pytest.mark.parametrize("head", HEADS, ids=["head", "body"])
@pytest.mark.parametrize("post", [install, ping, stream_a_ping])
async def test_a_post_is_sent_once_where_a_tls_record_cant_be_read(
    kind: str, head: bytes, post: Callable[[MCPStore], Awaitable[object]], tls_context: ssl.SSLContext
) -> None:
    server = GarbledTLS(head, times=9)

    async with store_on(kind, server, tls_context, max_retries=3) as store:
        with pytest.raises(APIConnectionError, match=r"no response \(ReadError: .*SSL") as caught:
            await post(store)

    assert caught.value.is_sent
    assert server.requests == 1
    assert KEY not in repr(caught.value)


@pytest.mark.parametrize(
    "error",
    [
        ssl.SSLError(1, "[SSL] wrong version number"),
        ConnectionResetError(104, f"reset, said {KEY}"),
        EOFError(f"the end of {KEY}"),
        anyio.BrokenResourceError(),
        anyio.BusyResourceError("reading"),
        anyio.ClosedResourceError(),
        anyio.EndOfStream(),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_errors_from_below_httpx_are_a_lost_connection(wire: Wire, error: Exception) -> None:
    wire.answers(error)

    async with httpx.AsyncClient(transport=httpx.MockTransport(wire)) as client:
        store = MCPStore(KEY, http_client=client)
        with pytest.raises(APIConnectionError, match="no response") as caught:
            await install(store)

    assert caught.value.is_sent
    assert len(wire.requests) == 1
    assert caught.value.__cause__ is error
    assert not any(KEY in f"{shown}{shown!r}" for shown in (caught.value, error))


async def test_an_error_of_the_users_hook_is_passed_through(wire: Wire) -> None:
    async def hook(_: httpx.Request) -> None:
        raise OSError(28, "No space left on device")

    async with httpx.AsyncClient(transport=httpx.MockTransport(wire), event_hooks={"request": [hook]}) as client:
        with pytest.raises(OSError, match="No space left"):
            await retrieve(MCPStore(KEY, http_client=client))


STRAY = b"HTTP/1.1 204 No Content\r\n\r\n"
NOT_FOUND = answer_bytes(b'{"detail": "Not found."}', JSON, status=404)


class Scripted:
    """Answers with one text after the other, whoever asks on whatever connection."""

    def __init__(self, *answers: bytes) -> None:
        self._answers = list(answers)
        self.connections = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while True:
            await read_request(reader)
            writer.write(self._answers.pop(0))


def filled(size: int) -> bytes:
    """A response of this many bytes in all, some ten thousand."""
    head = answer_bytes(bytes(10_000), JSON)[:-10_000]
    return answer_bytes(json.dumps(installation()).encode().ljust(size - len(head)), JSON)


SURPLUS = {
    "a stray answer": (KNOWN + STRAY, retrieve),
    "a part of one": (KNOWN + b"HTTP/1.1 2", retrieve),
    "empty lines": (KNOWN + b"\r\n\r\n", retrieve),
    "what httpcore's first chunk does not hold": (filled(64 * 1024) + STRAY, retrieve),
    "behind an error": (NOT_FOUND + STRAY, retrieve),
    "behind a 204": (STRAY + STRAY, delete),
    "a body of a 204": (b"HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\n", delete),
    "chunks of a 204": (b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", delete),
    "behind a message": (answer_bytes(b'{"jsonrpc": "2.0", "id": 1, "result": {}}', JSON) + STRAY, ping),
    "behind a stream": (answer_bytes(b'{"jsonrpc": "2.0", "id": 1, "result": {}}', JSON) + STRAY, stream_a_ping),
}


@on_both
@pytest.mark.parametrize("is_encrypted", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("surplus", SURPLUS)
async def test_bytes_after_a_response_are_not_the_next_calls_response(
    kind: str, surplus: str, is_encrypted: bool, tls_context: ssl.SSLContext
) -> None:
    first, call = SURPLUS[surplus]
    server = Scripted(first, NOT_FOUND)

    async with store_on(kind, server, tls_context if is_encrypted else None) as store:
        with suppress(NotFoundError):
            await call(store)
        with pytest.raises(NotFoundError):
            await delete(store)

    assert server.connections == 2


@on_both
@pytest.mark.parametrize("is_encrypted", [False, True], ids=["plain", "tls"])
async def test_bytes_that_come_later_are_not_the_next_calls_response(
    kind: str, is_encrypted: bool, tls_context: ssl.SSLContext
) -> None:
    writers: list[asyncio.StreamWriter] = []

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        while True:
            await read_request(reader)
            writer.write(KNOWN if len(writers) == 1 else NOT_FOUND)

    async with store_on(kind, converse, tls_context if is_encrypted else None) as store:
        await retrieve(store)
        writers[0].write(STRAY)
        await loop_rounds(5)
        with pytest.raises(NotFoundError):
            await delete(store)

    assert len(writers) == 2


async def test_bytes_after_a_response_that_a_hook_has_read_are_not_the_next_calls_response() -> None:
    server = Scripted(KNOWN + STRAY, NOT_FOUND)
    hooks = {"response": [httpx.Response.aread]}

    async with serving(server) as port, httpx.AsyncClient(event_hooks=hooks) as client:
        store = MCPStore(KEY, host=f"http://127.0.0.1:{port}", http_client=client)
        await retrieve(store)
        with pytest.raises(NotFoundError):
            await delete(store)

    assert server.connections == 2


@on_both
@pytest.mark.parametrize("is_encrypted", [False, True], ids=["plain", "tls"])
async def test_a_connection_with_nothing_after_its_response_is_used_again(
    kind: str, is_encrypted: bool, tls_context: ssl.SSLContext
) -> None:
    bodiless = b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"
    message = answer_bytes(b'{"jsonrpc": "2.0", "id": 1, "result": {}}', JSON)
    server = Scripted(KNOWN, bodiless, STRAY, message, message, filled(64 * 1024), KNOWN)

    async with store_on(kind, server, tls_context if is_encrypted else None) as store:
        for call in (retrieve, delete, delete, ping, stream_a_ping, retrieve, retrieve):
            await call(store)

    assert server.connections == 1
