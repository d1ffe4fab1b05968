"""What is done with an `mcp.Client`, whoever connected it; runs in the worker of a subject."""

import asyncio
import statistics
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from time import perf_counter

from installation_rows import installation_id
from load import WARM_UP_CALLS, Figure, Scenario
from mcp import Client

Connect = Callable[[str], AbstractAsyncContextManager[Client]]
"""Begins a session with an installation's MCP server."""
Open = Callable[[str], AbstractAsyncContextManager[Connect]]
"""Opens, for the URL of a service, what sessions have in common."""


def tool_scenarios(open: Open) -> dict[str, Scenario]:
    return {"tool_calls": partial(tool_calls, open), "sessions_at_once": partial(sessions_at_once, open)}


async def tool_calls(open: Open, *, url: str, index: int, calls: int) -> Figure:
    """Seconds per call: the median, in a session in which the tools were listed."""
    async with open(url) as connect, connect(installation_id(index)) as client:
        await client.list_tools()
        for _ in range(WARM_UP_CALLS):
            await call_tool(client)
        seconds = []
        for _ in range(calls):
            began = perf_counter()
            await call_tool(client)
            seconds.append(perf_counter() - began)
    return Figure(statistics.median(seconds))


async def sessions_at_once(open: Open, *, url: str, index: int, sessions: int) -> Figure:
    """Seconds until so many sessions, each with one call, are begun and over, on a client without connections."""

    async def session(connect: Connect) -> None:
        async with connect(installation_id(index)) as client:
            await call_tool(client)

    async with open(url) as connect:
        began = perf_counter()
        await asyncio.gather(*(session(connect) for _ in range(sessions)))
        return Figure(perf_counter() - began)


async def call_tool(client: Client) -> None:
    result = await client.call_tool("add", {"a": 19, "b": 23})
    if result.structured_content != {"result": 42}:
        raise RuntimeError(f"19 and 23 are not {result.structured_content}")
