"""aiohttp used directly, without an SDK."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from client_scenarios import Retrieve, Scenario, client_scenarios
from installations import COLLECTION

HEADERS = {"Authorization": "Bearer phx_bench"}


def scenarios() -> dict[str, Scenario]:
    return client_scenarios(connect, aiohttp.ClientError)


@asynccontextmanager
async def connect(url: str) -> AsyncIterator[Retrieve]:
    async with aiohttp.ClientSession(headers=HEADERS) as session:

        async def retrieve(id: str) -> object:
            async with session.get(f"{url}{COLLECTION}{id}/") as response:
                return json.loads(await response.read())

        yield retrieve
