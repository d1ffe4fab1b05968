"""Scenarios for any HTTP client of the service, run in the worker of a subject."""

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

from installations import COLLECTION, installation_id

DISTINCT_INSTALLATIONS = 100
"""The number of installations that are requested in turn: a typical user requests the same few again and again."""
WARM_UP_CALLS = 20
DECODINGS = 200

Retrieve = Callable[[str], Awaitable[object]]
Connect = Callable[..., AbstractAsyncContextManager[Retrieve]]
"""Opens a client for a URL and yields a function that retrieves an installation."""


@dataclass
class Measurement:
    """The result of one run, and the number of its errors by their names."""

    value: float
    errors: Mapping[str, int] = field(default_factory=dict)


Scenario = Callable[..., Coroutine[Any, Any, Measurement]]


def client_scenarios(connect: Connect, *failures: type[Exception]) -> dict[str, Scenario]:
    return {
        "one_after_other": partial(one_after_other, connect),
        "in_flight": partial(in_flight, connect, failures),
        "all_at_once": partial(all_at_once, connect),
    }


async def one_after_other(connect: Connect, *, url: str, calls: int) -> Measurement:
    """Seconds per call, as the median, on an open connection."""
    async with connect(url) as retrieve:
        return await median_time(lambda index: retrieve(installation_id(index % DISTINCT_INSTALLATIONS)), calls)


async def median_time(call: Callable[[int], Awaitable[object]], calls: int) -> Measurement:
    """Seconds per call, as the median, after some calls that are not measured."""
    seconds = []
    for index in range(-WARM_UP_CALLS, calls):
        began = perf_counter()
        await call(index)
        seconds.append(perf_counter() - began)
    return Measurement(statistics.median(seconds[WARM_UP_CALLS:]))


async def in_flight(
    connect: Connect, failures: tuple[type[Exception], ...], *, url: str, width: int, calls: int, **options: Any
) -> Measurement:
    """Successful calls per second, with `width` concurrent callers."""
    errors: Counter[str] = Counter()

    async def caller(retrieve: Retrieve, ids: Iterator[str]) -> None:
        for id in ids:
            try:
                await retrieve(id)
            except failures as error:
                errors[type(error).__name__] += 1

    async def seconds_for(retrieve: Retrieve, calls: int) -> float:
        ids = iter([installation_id(index % DISTINCT_INSTALLATIONS) for index in range(calls)])
        began = perf_counter()
        await asyncio.gather(*(caller(retrieve, ids) for _ in range(width)))
        return perf_counter() - began

    async with connect(url, **options) as retrieve:
        await seconds_for(retrieve, width)
        errors.clear()
        seconds = await seconds_for(retrieve, calls)
    return Measurement((calls - errors.total()) / seconds, dict(errors))


async def all_at_once(connect: Connect, *, url: str, calls: int, **options: Any) -> Measurement:
    """Seconds from creating the client to the last response of `calls` simultaneous calls."""
    began = perf_counter()
    async with connect(url, **options) as retrieve:
        await asyncio.gather(*(retrieve(installation_id(index)) for index in range(calls)))
        return Measurement(perf_counter() - began)


async def peak_memory(work: Awaitable[None]) -> Measurement:
    """Additional bytes in use at the peak."""
    gc.collect()
    tracemalloc.start()
    try:
        await work
        return Measurement(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()


def time_decoding(decode: Callable[[bytes], object], url: str) -> Measurement:
    """Seconds to decode a page of 100 installations, as the median."""
    with urlopen(f"{url}{COLLECTION}?limit=100") as response:  # noqa: S310  # the service of the benchmarks
        body = response.read()
    seconds = []
    for _ in range(DECODINGS):
        began = perf_counter()
        decode(body)
        seconds.append(perf_counter() - began)
    return Measurement(statistics.median(seconds))
