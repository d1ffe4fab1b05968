"""The package `mcp` used directly: with the URL of the proxy, and the key in a header."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import httpx2
from client_scenarios import Scenario
from installations import proxy_path
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from tool_scenarios import Connect, tool_scenarios

TIMEOUT = httpx2.Timeout(30, read=300)
"""The default of `mcp` for clients that it creates."""


def scenarios(mode: str) -> dict[str, Scenario]:
    return tool_scenarios(partial(open_client, mode=mode))


@asynccontextmanager
async def open_client(url: str, *, mode: str) -> AsyncIterator[Connect]:
    async with httpx2.AsyncClient(headers={"Authorization": "Bearer phx_bench"}, timeout=TIMEOUT) as http_client:

        def connect(id: str) -> Client:
            transport = streamable_http_client(f"{url}{proxy_path(id)}", http_client=http_client)
            return Client(transport, mode=mode)

        yield connect
