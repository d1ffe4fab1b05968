"""The SDK with the extra `mcp`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from client_scenarios import Scenario
from subject_sdk import open_store
from tool_scenarios import Connect, tool_scenarios


def scenarios() -> dict[str, Scenario]:
    return tool_scenarios(open_sessions)


@asynccontextmanager
async def open_sessions(url: str) -> AsyncIterator[Connect]:
    async with open_store(url) as store:
        yield store.installations.connect
