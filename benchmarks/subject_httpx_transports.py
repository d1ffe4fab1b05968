"""httpx transports with one connection each, without an SDK: the baseline of a burst."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
from client_scenarios import Retrieve, Scenario, client_scenarios
from installations import COLLECTION

WIDTH = 100


def scenarios() -> dict[str, Scenario]:
    return client_scenarios(connect, httpx.HTTPError)


@asynccontextmanager
async def connect(url: str) -> AsyncIterator[Retrieve]:
    slots = asyncio.Semaphore(WIDTH)
    free: list[httpx.AsyncHTTPTransport] = []
    async with AsyncExitStack() as transports:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        limits = httpx.Limits(max_connections=1, max_keepalive_connections=1)

        async def retrieve(id: str) -> object:
            async with slots:
                if not free:
                    free.append(httpx.AsyncHTTPTransport(verify=context, limits=limits))
                    transports.push_async_callback(free[-1].aclose)
                transport = free.pop()
                response = await transport.handle_async_request(
                    httpx.Request("GET", f"{url}{COLLECTION}{id}/", headers={"Authorization": "Bearer phx_bench"})
                )
                body = await response.aread()
                await response.aclose()
                free.append(transport)
            return json.loads(body)

        yield retrieve
