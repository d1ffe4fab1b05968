"""The package `mcp` as one uses it without an SDK: on the proxy's URL, with the key in a header."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import httpx2
from installation_rows import proxy_path
from load import Scenario
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from tool_load import Connect, tool_scenarios

PATIENCE = httpx2.Timeout(30, read=300)
"""As `mcp` has it, where it makes the client itself."""


def scenarios(mode: str) -> dict[str, Scenario]:
    return tool_scenarios(partial(open_client, mode=mode))


@asynccontextmanager
async def open_client(url: str, *, mode: str) -> AsyncIterator[Connect]:
    async with httpx2.AsyncClient(headers={"Authorization": "Bearer phx_bench"}, timeout=PATIENCE) as http_client:

        def connect(id: str) -> Client:
            transport = streamable_http_client(f"{url}{proxy_path(id)}", http_client=http_client)
            return Client(transport, mode=mode)

        yield connect
