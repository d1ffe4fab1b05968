"""httpx or httpx2 as one uses it without an SDK."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

from installation_rows import COLLECTION
from load import Retrieve, Scenario, client_scenarios


def scenarios(library_name: str) -> dict[str, Scenario]:
    library: Any = import_module(library_name)

    @asynccontextmanager
    async def connect(url: str) -> AsyncIterator[Retrieve]:
        async with library.AsyncClient(headers={"Authorization": "Bearer phx_bench"}) as client:

            async def retrieve(id: str) -> object:
                response = await client.get(f"{url}{COLLECTION}{id}/")
                return response.json()

            yield retrieve

    return client_scenarios(connect, library.HTTPError)
