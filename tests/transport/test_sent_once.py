"""How often a request reaches a server that drops the connection: as often as the SDK says, over every transport.

HTTP libraries repeat requests by themselves: aiohttp does so for a DELETE that met a closed connection.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Literal

import pytest
from attrs import define, field

from posthog_mcp_store import APIConnectionError, MCPStore

from ..support.serving import answer_bytes, read_request, store_on
from ..support.wire import ID, installation

When = Literal["at its first byte", "between head and body", "after the request", "in the response"]
Call = Callable[[MCPStore], Awaitable[object]]

INSTALL = {"name": "it", "url": "https://a.example.com", "auth_type": "api_key", "api_key": "the-servers-key" * 50}

KINDS = ["httpx", "client", "aiohttp"]
ROW = json.dumps(installation()).encode()
TIMES: list[When] = ["at its first byte", "between head and body", "after the request", "in the response"]


@define
class Drops:
    """Answers the first requests, and then drops the connection at a moment of each further one."""

    when: When
    is_reset: bool
    answered: int
    begun: int = 0
    """The requests of which at least a byte arrived, without those that were answered."""
    connections: int = field(default=0, init=False)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while self.answered:
            await read_request(reader)
            self.answered -= 1
            writer.write(answer_bytes(ROW, {"Content-Type": "application/json"}))
        await reader.readexactly(1)
        self.begun += 1
        await self._drop(reader, writer)

    async def _drop(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.when == "between head and body":
            await reader.readuntil(b"\r\n\r\n")
        elif self.when != "at its first byte":
            await read_request(reader)
        if self.when == "in the response":
            writer.write(answer_bytes(ROW, {"Content-Type": "application/json"})[:-10])
            await writer.drain()
        if self.is_reset:
            writer.transport.abort()


def retrieve(store: MCPStore) -> Awaitable[object]:
    return store.installations.retrieve(ID)


def delete(store: MCPStore) -> Awaitable[object]:
    return store.installations.delete(ID)


def update(store: MCPStore) -> Awaitable[object]:
    return store.installations.update(ID, description="x" * 500)


def install(store: MCPStore) -> Awaitable[object]:
    return store.installations.install_custom(**INSTALL)  # type: ignore[call-overload,no-any-return]


def proxy(store: MCPStore) -> Awaitable[object]:
    return store.installations.proxy(ID, {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "x"}})


def call_tool(store: MCPStore) -> Awaitable[object]:
    return store.installations.call_tool(ID, "add", {"a": 1})


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("is_kept", [False, True], ids=["fresh", "kept"])
@pytest.mark.parametrize("is_reset", [False, True], ids=["closed", "reset"])
@pytest.mark.parametrize("when", TIMES)
async def test_a_request_that_met_a_lost_connection_is_sent_no_second_time(
    kind: str, is_kept: bool, is_reset: bool, when: When
) -> None:
    for call in (retrieve, delete, update, install, proxy, call_tool):
        server = Drops(when, is_reset, answered=1 if is_kept else 0)
        async with store_on(kind, server) as store, asyncio.timeout(10):
            if is_kept:
                await store.installations.retrieve(ID)
            with pytest.raises(APIConnectionError) as caught:
                await call(store)

        assert caught.value.is_sent
        assert (server.begun, server.connections) == (1, 1)


@pytest.mark.parametrize("kind", KINDS)
async def test_only_what_is_idempotent_is_retried_after_a_lost_connection(kind: str) -> None:
    for call, times in ((retrieve, 2), (delete, 2), (update, 2), (install, 1), (proxy, 1), (call_tool, 1)):
        server = Drops("after the request", is_reset=True, answered=1)
        async with store_on(kind, server, max_retries=1) as store, asyncio.timeout(10):
            await store.installations.retrieve(ID)
            with pytest.raises(APIConnectionError):
                await call(store)

        assert server.begun == times
