"""What is done with a client, whichever it is; runs in the worker of a subject."""

import asyncio
import gc
import statistics
import tracemalloc
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter
from typing import Any
from urllib.request import urlopen

from installation_rows import COLLECTION, installation_id

FEW = 100
"""How many installations are asked for in turn: what a user has, who asks for the same ones again and again."""
WARM_UP_CALLS = 20
DECODINGS = 200

Retrieve = Callable[[str], Awaitable[object]]
Connect = Callable[..., AbstractAsyncContextManager[Retrieve]]
"""Opens a client for a URL, with options of its own, and gives what retrieves an installation with it."""


@dataclass
class Figure:
    """What one run comes to, and what failed in it, by the error's name."""

    value: float
    errors: Mapping[str, int] = field(default_factory=dict)


Scenario = Callable[..., Coroutine[Any, Any, Figure]]


def client_scenarios(connect: Connect, *failures: type[Exception]) -> dict[str, Scenario]:
    return {
        "one_after_other": partial(one_after_other, connect),
        "in_flight": partial(in_flight, connect, failures),
        "all_at_once": partial(all_at_once, connect),
    }


async def one_after_other(connect: Connect, *, url: str, calls: int) -> Figure:
    """Seconds per call: the median, on a connection that is open."""
    async with connect(url) as retrieve:
        for index in range(WARM_UP_CALLS):
            await retrieve(installation_id(index))
        seconds = []
        for index in range(calls):
            id = installation_id(index % FEW)
            began = perf_counter()
            await retrieve(id)
            seconds.append(perf_counter() - began)
    return Figure(statistics.median(seconds))


async def in_flight(
    connect: Connect, failures: tuple[type[Exception], ...], *, url: str, width: int, calls: int, **options: Any
) -> Figure:
    """Calls per second, of those that succeed, while `width` callers call one after the other each."""
    errors: Counter[str] = Counter()

    async def caller(retrieve: Retrieve, ids: Iterator[str]) -> None:
        for id in ids:
            try:
                await retrieve(id)
            except failures as error:
                errors[type(error).__name__] += 1

    async def seconds_for(retrieve: Retrieve, calls: int) -> float:
        ids = iter([installation_id(index % FEW) for index in range(calls)])
        began = perf_counter()
        await asyncio.gather(*(caller(retrieve, ids) for _ in range(width)))
        return perf_counter() - began

    async with connect(url, **options) as retrieve:
        await seconds_for(retrieve, width)
        errors.clear()
        seconds = await seconds_for(retrieve, calls)
    return Figure((calls - errors.total()) / seconds, dict(errors))


async def all_at_once(connect: Connect, *, url: str, calls: int, **options: Any) -> Figure:
    """Seconds until all of so many simultaneous calls are answered, from making the client on."""
    began = perf_counter()
    async with connect(url, **options) as retrieve:
        await asyncio.gather(*(retrieve(installation_id(index)) for index in range(calls)))
        return Figure(perf_counter() - began)


async def peak_of(work: Awaitable[None]) -> Figure:
    """Bytes at the peak of doing something, beyond those before it."""
    gc.collect()
    tracemalloc.start()
    try:
        await work
        return Figure(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()


def time_decoding(decode: Callable[[bytes], object], url: str) -> Figure:
    """Seconds to decode a page of 100: the median."""
    with urlopen(f"{url}{COLLECTION}?limit=100") as answer:  # noqa: S310  # the bench's own service
        body = answer.read()
    seconds = []
    for _ in range(DECODINGS):
        began = perf_counter()
        decode(body)
        seconds.append(perf_counter() - began)
    return Figure(statistics.median(seconds))
