"""Scenarios for any connected `mcp.Client`, run in the worker of a subject."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from time import perf_counter

from client_scenarios import Measurement, Scenario, median_time
from installations import installation_id
from mcp import Client

Connect = Callable[[str], AbstractAsyncContextManager[Client]]
"""Opens a session with the MCP server of an installation."""
Open = Callable[[str], AbstractAsyncContextManager[Connect]]
"""Opens a client for the URL of a service, which all sessions share."""


def tool_scenarios(open: Open) -> dict[str, Scenario]:
    return {"tool_calls": partial(tool_calls, open), "sessions_at_once": partial(sessions_at_once, open)}


async def tool_calls(open: Open, *, url: str, index: int, calls: int) -> Measurement:
    """Seconds per call, as the median, in a session that has listed the tools."""
    async with open(url) as connect, connect(installation_id(index)) as client:
        await client.list_tools()
        return await median_time(lambda _: call_tool(client), calls)


async def sessions_at_once(open: Open, *, url: str, index: int, sessions: int) -> Measurement:
    """Seconds to open and close so many sessions with one call each, on a client without open connections."""

    async def session(connect: Connect) -> None:
        async with connect(installation_id(index)) as client:
            await call_tool(client)

    async with open(url) as connect:
        began = perf_counter()
        await asyncio.gather(*(session(connect) for _ in range(sessions)))
        return Measurement(perf_counter() - began)


async def call_tool(client: Client) -> None:
    result = await client.call_tool("add", {"a": 19, "b": 23})
    if result.structured_content != {"result": 42}:
        raise RuntimeError(f"19 + 23 is not {result.structured_content}")
