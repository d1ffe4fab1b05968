"""The SDK."""

import asyncio
import gc
import json
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from time import perf_counter
from typing import Literal

from client_scenarios import Measurement, Retrieve, Scenario, client_scenarios, median_time, peak_memory, time_decoding
from installations import COUNT, EVENT_STREAM_INDEX, installation_id
from stream_scenarios import Message, Send, stream_scenarios

from posthog_mcp_store import Installation, MCPStore, MCPStoreError, Page, ProxyCall
from posthog_mcp_store.lowlevel.models import PaginatedMCPServerInstallationList

TransportName = Literal["httpx", "aiohttp"]
VIEWS = 10_000


def scenarios(transport: TransportName) -> dict[str, Scenario]:
    return {
        **client_scenarios(partial(connect, transport), MCPStoreError),
        **stream_scenarios(partial(open_streams, transport)),
        "iterate": partial(iterate, transport),
        "page_by_page": partial(page_by_page, transport),
        "memory": partial(memory, transport),
        "call_beside_others": partial(call_beside_others, transport),
        "views": partial(views, transport),
        "view_memory": partial(view_memory, transport),
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


async def call_beside_others(transport: TransportName, *, url: str, others: int, calls: int) -> Measurement:
    """Seconds for a call of one user, as the median, while so many calls of another user are waiting."""
    async with open_store(url, transport) as store:
        user, other = (store.with_options(api_key=f"phx_{name}").installations for name in ("user", "other"))
        flood = [asyncio.ensure_future(other.retrieve(installation_id(index))) for index in range(others)]
        if flood:
            # Until all of them queue.
            await asyncio.wait(flood, return_when=asyncio.FIRST_COMPLETED)
        measured = await median_time(lambda index: user.retrieve(installation_id(index)), calls)
        if flood and flood[-1].done():
            raise RuntimeError("the other calls ended too early")
        for task in flood:
            task.cancel()
        await asyncio.gather(*flood, return_exceptions=True)
        return measured


async def views(transport: TransportName, *, url: str) -> Measurement:
    """Seconds for each new view of another user."""
    async with open_store(url, transport) as store:
        began = perf_counter()
        kept = [store.with_options(api_key=f"phx_{number:040}").installations for number in range(VIEWS)]
        return Measurement((perf_counter() - began) / len(kept))


async def view_memory(transport: TransportName, *, url: str) -> Measurement:
    """Bytes in use for each view of another user, after a call."""
    async with open_store(url, transport) as store:
        keys = [f"phx_{number:040}" for number in range(VIEWS)]
        await store.installations.retrieve(installation_id(0))
        gc.collect()
        tracemalloc.start()
        try:
            kept = [store.with_options(api_key=key) for key in keys]
            for view in kept:
                await view.installations.retrieve(installation_id(0))
            gc.collect()
            return Measurement(tracemalloc.get_traced_memory()[0] / len(kept))
        finally:
            tracemalloc.stop()


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
