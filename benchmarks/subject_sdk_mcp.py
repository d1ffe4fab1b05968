"""The SDK with the extra `mcp`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from client_scenarios import Scenario
from subject_sdk import TransportName, open_store
from tool_scenarios import Connect, tool_scenarios


def scenarios(transport: TransportName) -> dict[str, Scenario]:
    return tool_scenarios(partial(open_sessions, transport))


@asynccontextmanager
async def open_sessions(transport: TransportName, url: str) -> AsyncIterator[Connect]:
    async with open_store(url, transport) as store:
        yield store.installations.connect
