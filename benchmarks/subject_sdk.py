"""The SDK."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import perf_counter
from typing import Any

from installation_rows import COUNT, EVENT_STREAM_INDEX, installation_id
from load import Figure, Retrieve, Scenario, client_scenarios, peak_of, time_decoding
from stream_load import Ask, Message, stream_scenarios

from posthog_mcp_store import Installation, MCPStore, MCPStoreError, Page, ProxyCall
from posthog_mcp_store.lowlevel.models import PaginatedMCPServerInstallationList


def scenarios() -> dict[str, Scenario]:
    return {
        **client_scenarios(connect, MCPStoreError),
        **stream_scenarios(open_streams),
        "iterate": iterate,
        "page_by_page": page_by_page,
        "memory": memory,
        "decode": decode,
    }


def open_store(url: str, **options: Any) -> MCPStore:
    return MCPStore("phx_bench", host=url, project_id=1, **options)


@asynccontextmanager
async def connect(url: str, **options: Any) -> AsyncIterator[Retrieve]:
    async with open_store(url, **options) as store:
        yield store.installations.retrieve


@asynccontextmanager
async def open_streams(url: str) -> AsyncIterator[Ask]:
    async with open_store(url) as store:

        def ask(message: Message) -> ProxyCall:
            return store.installations.proxy(installation_id(EVENT_STREAM_INDEX), message)

        yield ask


async def iterate(*, url: str, limit: int | None = None) -> Figure:
    """Seconds to iterate over all rows."""
    async with open_store(url) as store:
        began = perf_counter()
        await _count_rows(store, limit)
        return Figure(perf_counter() - began)


async def page_by_page(*, url: str) -> Figure:
    """Seconds to read all rows, each page asked for when the one before it is read."""
    rows = 0
    async with open_store(url) as store:
        began = perf_counter()
        page: Page[Installation] | None = await store.installations.list(limit=100)
        while page is not None:
            rows += len(page)
            page = await page.next()
        seconds = perf_counter() - began
    _check(rows)
    return Figure(seconds)


async def memory(*, url: str) -> Figure:
    """Bytes at the peak of iterating over all rows, beyond those before it; the caller keeps no row."""
    async with open_store(url) as store:
        await store.installations.list(limit=1)
        return await peak_of(_count_rows(store))


async def decode(*, url: str) -> Figure:
    return time_decoding(lambda body: PaginatedMCPServerInstallationList.from_dict(json.loads(body)), url)


async def _count_rows(store: MCPStore, limit: int | None = None) -> None:
    rows = 0
    async for _ in store.installations.list(limit=limit):
        rows += 1
    _check(rows)


def _check(rows: int) -> None:
    if rows != COUNT:
        raise RuntimeError(f"{rows} rows were read, not {COUNT}")
