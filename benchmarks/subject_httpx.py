"""httpx or httpx2 used directly, without an SDK."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

from client_scenarios import Retrieve, Scenario, client_scenarios
from installations import COLLECTION, EVENT_STREAM_INDEX, installation_id, proxy_path
from stream_scenarios import Message, Send, stream_scenarios

HEADERS = {"Authorization": "Bearer phx_bench"}


def scenarios(library_name: str) -> dict[str, Scenario]:
    library: Any = import_module(library_name)

    @asynccontextmanager
    async def connect(url: str) -> AsyncIterator[Retrieve]:
        async with library.AsyncClient(headers=HEADERS) as client:

            async def retrieve(id: str) -> object:
                response = await client.get(f"{url}{COLLECTION}{id}/")
                return response.json()

            yield retrieve

    @asynccontextmanager
    async def open_streams(url: str) -> AsyncIterator[Send]:
        async with library.AsyncClient(headers=HEADERS) as client:

            @asynccontextmanager
            async def send(message: Message) -> AsyncIterator[AsyncIterator[Message]]:
                proxy = f"{url}{proxy_path(installation_id(EVENT_STREAM_INDEX))}"
                async with client.stream("POST", proxy, json=message) as response:
                    yield messages(response.aiter_bytes())

            yield send

    return {**client_scenarios(connect, library.HTTPError), **stream_scenarios(open_streams)}


async def messages(chunks: AsyncIterator[bytes]) -> AsyncIterator[Message]:
    """The messages of an event stream, in the one format that the service sends."""
    received = b""
    async for chunk in chunks:
        *events, received = (received + chunk).split(b"\r\n\r\n")
        for event in events:
            yield json.loads(event.partition(b"data: ")[2])
