"""The SDK."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from time import perf_counter
from typing import Literal

from client_scenarios import Measurement, Retrieve, Scenario, client_scenarios, peak_memory, time_decoding
from installations import COUNT, EVENT_STREAM_INDEX, installation_id
from stream_scenarios import Message, Send, stream_scenarios

from posthog_mcp_store import Installation, MCPStore, MCPStoreError, Page, ProxyCall
from posthog_mcp_store.lowlevel.models import PaginatedMCPServerInstallationList

TransportName = Literal["httpx", "aiohttp"]


def scenarios(transport: TransportName) -> dict[str, Scenario]:
    return {
        **client_scenarios(partial(connect, transport), MCPStoreError),
        **stream_scenarios(partial(open_streams, transport)),
        "iterate": partial(iterate, transport),
        "page_by_page": partial(page_by_page, transport),
        "memory": partial(memory, transport),
        "decode": decode,
    }


def open_store(url: str, transport: TransportName) -> MCPStore:
    return MCPStore("phx_bench", host=url, project_id=1, transport=transport)


@asynccontextmanager
async def connect(transport: TransportName, url: str) -> AsyncIterator[Retrieve]:
    async with open_store(url, transport) as store:
        yield store.installations.retrieve


@asynccontextmanager
async def open_streams(transport: TransportName, url: str) -> AsyncIterator[Send]:
    async with open_store(url, transport) as store:

        def send(message: Message) -> ProxyCall:
            return store.installations.proxy(installation_id(EVENT_STREAM_INDEX), message)

        yield send


async def iterate(transport: TransportName, *, url: str, limit: int | None = None) -> Measurement:
    """Seconds to iterate over all installations."""
    async with open_store(url, transport) as store:
        began = perf_counter()
        await _iterate_all(store, limit)
        return Measurement(perf_counter() - began)


async def page_by_page(transport: TransportName, *, url: str) -> Measurement:
    """Seconds to read all installations page by page, without concurrency."""
    count = 0
    async with open_store(url, transport) as store:
        began = perf_counter()
        page: Page[Installation] | None = await store.installations.list(limit=100)
        while page is not None:
            count += len(page)
            page = await page.next()
        seconds = perf_counter() - began
    _check(count)
    return Measurement(seconds)


async def memory(transport: TransportName, *, url: str) -> Measurement:
    """Additional bytes in use at the peak of iterating over all installations; none is kept."""
    async with open_store(url, transport) as store:
        await store.installations.list(limit=1)
        return await peak_memory(_iterate_all(store))


async def decode(*, url: str) -> Measurement:
    return time_decoding(lambda body: PaginatedMCPServerInstallationList.from_dict(json.loads(body)), url)


async def _iterate_all(store: MCPStore, limit: int | None = None) -> None:
    count = 0
    async for _ in store.installations.list(limit=limit):
        count += 1
    _check(count)


def _check(count: int) -> None:
    if count != COUNT:
        raise RuntimeError(f"read {count} installations instead of {COUNT}")
