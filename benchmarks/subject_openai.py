"""A large vendor's generated SDK, used with our service, for orientation."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from importlib import import_module
from typing import Any
from uuid import UUID

from client_scenarios import Retrieve, Scenario, client_scenarios
from installations import COLLECTION


def scenarios() -> dict[str, Scenario]:
    # Imported dynamically because it is not installed where types are checked.
    openai: Any = import_module("openai")
    installation = import_module("pydantic").create_model(
        "Installation",
        __base__=openai.BaseModel,
        id=(UUID, ...),
        server_id=(UUID | None, None),
        name=(str, ...),
        display_name=(str, ""),
        url=(str, ...),
        description=(str, ""),
        auth_type=(str, ...),
        is_enabled=(bool, True),
        needs_reauth=(bool, ...),
        pending_oauth=(bool, ...),
        proxy_url=(str, ...),
        created_at=(datetime, ...),
        updated_at=(datetime | None, None),
    )

    @asynccontextmanager
    async def connect(url: str) -> AsyncIterator[Retrieve]:
        async with openai.AsyncOpenAI(base_url=url, api_key="phx_bench") as client:

            async def retrieve(id: str) -> object:
                return await client.get(f"{COLLECTION}{id}/", cast_to=installation)

            yield retrieve

    return client_scenarios(connect, openai.OpenAIError)
