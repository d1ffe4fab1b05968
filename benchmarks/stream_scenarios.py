"""What is done with a stream from the proxy, whoever reads it; runs in the worker of a subject."""

import statistics
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from time import perf_counter
from typing import Any

from load import WARM_UP_CALLS, Figure, Scenario, peak_of

Message = Mapping[str, Any]
Ask = Callable[[Message], AbstractAsyncContextManager[AsyncIterator[Message]]]
"""Sends a message, and gives those that come back, each as it arrives."""
Open = Callable[[str], AbstractAsyncContextManager[Ask]]
"""Opens a client for the URL of a service."""


def stream_scenarios(open: Open) -> dict[str, Scenario]:
    return {"first_message": partial(first_message, open), "stream_memory": partial(stream_memory, open)}


async def first_message(open: Open, *, url: str, calls: int) -> Figure:
    """Seconds from sending to the first message of a stream, that ends some time after it: the median."""
    seconds = []
    async with open(url) as ask:
        for _ in range(WARM_UP_CALLS + calls):
            began = perf_counter()
            async with ask(count(1, size=100)) as stream:
                await anext(stream)
                seconds.append(perf_counter() - began)
                # Who leaves before the end pays with the connection.
                async for _ in stream:
                    pass
    return Figure(statistics.median(seconds[WARM_UP_CALLS:]))


async def stream_memory(open: Open, *, url: str, messages: int, size: int) -> Figure:
    """Bytes at the peak of reading a stream, beyond those before it; the reader keeps no message."""
    async with open(url) as ask:
        await read(ask, messages=1, size=size)
        return await peak_of(read(ask, messages=messages, size=size))


async def read(ask: Ask, *, messages: int, size: int) -> None:
    came = 0
    async with ask(count(messages, size=size)) as stream:
        async for _ in stream:
            came += 1
    if came != messages + 1:
        raise RuntimeError(f"{came} messages came, not {messages} and the answer")


def count(to: int, *, size: int) -> Message:
    arguments = {"to": to, "size": size}
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "count", "arguments": arguments}}
