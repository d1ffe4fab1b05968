"""Asking the web services of the recipes, as several users at once."""

import asyncio
from asyncio.subprocess import Process

import httpx

from ..support.programs import printed, printed_lines
from .conftest import USERS

TIMES = 10
"""How often each user asks at the same time."""


async def site_of(process: Process) -> str:
    return await printed(process, r"running on (http://[0-9.:]+)")


async def answers(url: str, times: int = TIMES) -> dict[str, list[httpx.Response]]:
    """The responses to each user."""
    async with httpx.AsyncClient(timeout=60) as client:
        requests = [client.get(url, headers={"X-User": user}) for user in USERS for _ in range(times)]
        responses = await asyncio.gather(*requests)
    return {user: responses[at * times :][:times] for at, user in enumerate(USERS)}


async def stop(process: Process) -> str:
    """Stop a server, and return what it said."""
    process.terminate()
    return "\n".join(await printed_lines(process))
