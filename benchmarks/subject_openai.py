"""A large vendor's generated SDK, used with our service, for orientation."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

from client_scenarios import Retrieve, Scenario, client_scenarios
from installations import COLLECTION, FIELDS


def scenarios() -> dict[str, Scenario]:
    # Imported dynamically because it is not installed where types are checked.
    openai: Any = import_module("openai")
    installation = import_module("pydantic").create_model(
        "Installation",
        __base__=openai.BaseModel,
        **{name: (type, *(default or [...])) for name, type, *default in FIELDS},
    )

    @asynccontextmanager
    async def connect(url: str) -> AsyncIterator[Retrieve]:
        async with openai.AsyncOpenAI(base_url=url, api_key="phx_bench") as client:

            async def retrieve(id: str) -> object:
                return await client.get(f"{COLLECTION}{id}/", cast_to=installation)

            yield retrieve

    return client_scenarios(connect, openai.OpenAIError)
