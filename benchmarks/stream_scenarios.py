"""Scenarios for streams from the proxy, run in the worker of a subject."""

import statistics
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from time import perf_counter
from typing import Any

from client_scenarios import WARM_UP_CALLS, Measurement, Scenario, peak_memory

Message = Mapping[str, Any]
Send = Callable[[Message], AbstractAsyncContextManager[AsyncIterator[Message]]]
"""Sends a message and yields the received ones as they arrive."""
Open = Callable[[str], AbstractAsyncContextManager[Send]]
"""Opens a client for the URL of a service."""


def stream_scenarios(open: Open) -> dict[str, Scenario]:
    return {"first_message": partial(first_message, open), "stream_memory": partial(stream_memory, open)}


async def first_message(open: Open, *, url: str, calls: int) -> Measurement:
    """Seconds from sending to the first message of a stream that ends later, as the median."""
    seconds = []
    async with open(url) as send:
        for _ in range(WARM_UP_CALLS + calls):
            began = perf_counter()
            async with send(count(1, size=100)) as stream:
                await anext(stream)
                seconds.append(perf_counter() - began)
                # Leaving the stream early would close the connection.
                async for _ in stream:
                    pass
    return Measurement(statistics.median(seconds[WARM_UP_CALLS:]))


async def stream_memory(open: Open, *, url: str, messages: int, size: int) -> Measurement:
    """Additional bytes in use at the peak of reading a stream; no message is kept."""
    async with open(url) as send:
        await read(send, messages=1, size=size)
        return await peak_memory(read(send, messages=messages, size=size))


async def read(send: Send, *, messages: int, size: int) -> None:
    received = 0
    async with send(count(messages, size=size)) as stream:
        async for _ in stream:
            received += 1
    if received != messages + 1:
        raise RuntimeError(f"received {received} messages instead of {messages} and the response")


def count(to: int, *, size: int) -> Message:
    arguments = {"to": to, "size": size}
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "count", "arguments": arguments}}
