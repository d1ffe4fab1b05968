"""Many calls at once, many stores, and what is left of them."""

import asyncio
import gc
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from time import monotonic

import httpx
import pytest

from posthog_mcp_store import APIConnectionError, ConfigurationError, MCPStore
from posthog_mcp_store.testing import EmbeddedService, Fault

from .opening import open_store
from .wire import ID, Wire

OPEN_FILES = Path("/proc/self/fd")


def open_files() -> int:
    gc.collect()
    return len(list(OPEN_FILES.iterdir()))


async def test_a_thousand_calls_at_once_all_succeed(service: EmbeddedService) -> None:
    row = service.add_installation()
    service.inject(Fault(delay=0.05, times=None))
    tasks, files = len(asyncio.all_tasks()), open_files()

    async with open_store(service, max_concurrency=32) as store, asyncio.timeout(30):
        answers = await asyncio.gather(*(store.installations.retrieve(row.id) for _ in range(1000)))
    await asyncio.sleep(0)

    assert {answer.id for answer in answers} == {row.id}
    assert service.most_in_flight <= 32
    assert len(asyncio.all_tasks()) == tasks
    assert open_files() <= files + 32  # the service closes its ends a little later


async def test_a_small_pool_of_the_users_own_is_waited_for(service: EmbeddedService) -> None:
    row = service.add_installation()
    service.inject(Fault(delay=0.02, times=None))

    async with httpx.AsyncClient(limits=httpx.Limits(max_connections=3), timeout=0.1) as client:
        store = open_store(service, http_client=client)
        await asyncio.gather(*(store.installations.retrieve(row.id) for _ in range(100)))

    assert service.most_in_flight <= 3


async def test_no_more_than_asked_for_are_under_way_over_a_client_either(service: EmbeddedService) -> None:
    row = service.add_installation()
    service.inject(Fault(delay=0.02, times=None))

    async with httpx.AsyncClient() as client:
        store = open_store(service, http_client=client, max_concurrency=5)
        await asyncio.gather(*(store.installations.retrieve(row.id) for _ in range(50)))

    assert service.most_in_flight == 5


async def test_connections_are_used_again(service: EmbeddedService, store: MCPStore) -> None:
    row = service.add_installation()

    await store.installations.retrieve(row.id)
    files = open_files()
    for _ in range(5):
        await store.installations.retrieve(row.id)

    assert open_files() == files


async def test_two_hundred_stores_leave_nothing_behind(service: EmbeddedService) -> None:
    row = service.add_installation()

    async def cycle() -> None:
        async with open_store(service) as store:
            await store.installations.retrieve(row.id)

    for _ in range(10):
        await cycle()
    files = open_files()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(200):
            await cycle()
        service.requests.clear()
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()

    assert open_files() <= files + 3  # the service closes its ends a little later
    assert grown < 300_000
    assert len(asyncio.all_tasks()) == 1


def test_ten_thousand_views_weigh_next_to_nothing() -> None:
    store = MCPStore("phx_key")
    tracemalloc.start()
    try:
        for _ in range(10_000):
            assert store.with_options(timeout=5, max_retries=1).installations is not None
        gc.collect()
        kept = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()

    assert kept < 200_000


LOOPS = """
import asyncio, sys
from posthog_mcp_store import MCPStore

store = MCPStore("{key}", host="{host}")

async def ask():
    print((await store.installations.list()).count)

asyncio.run(ask())
asyncio.run(ask())

async def ask_and_close():
    async with store:
        await ask()

asyncio.run(ask_and_close())
"""


def test_a_store_serves_one_event_loop_after_another_and_is_quiet(service: EmbeddedService) -> None:
    program = LOOPS.format(key=service.api_key, host=service.base_url)

    run = subprocess.run(
        [sys.executable, "-W", "error", "-X", "dev", "-c", program],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    # asyncio's debug mode tells of every step that takes a tenth of a second, and a busy machine has those.
    said = [line for line in run.stderr.splitlines() if not line.startswith("Executing ")]

    assert (run.stdout, said, run.returncode) == ("0\n0\n0\n", [], 0)


def test_a_client_that_has_connections_in_another_event_loop_is_refused(service: EmbeddedService) -> None:
    client = httpx.AsyncClient()
    store = open_store(service, http_client=client)

    async def use() -> None:
        await store.installations.list()

    with asyncio.Runner() as first:
        first.run(use())
        with asyncio.Runner() as second, pytest.raises(ConfigurationError, match="used in another event loop"):
            second.run(use())
        first.run(client.aclose())


def test_a_client_without_connections_serves_any_event_loop(service: EmbeddedService) -> None:
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app=service.app))
    store = open_store(service, http_client=client)

    async def use() -> int:
        return (await store.installations.list()).count

    assert [asyncio.run(use()), asyncio.run(use())] == [0, 0]


def test_a_store_in_two_event_loops_at_once_is_refused(service: EmbeddedService) -> None:
    store = open_store(service)

    async def use() -> None:
        await store.installations.list()

    with asyncio.Runner() as first, asyncio.Runner() as second:
        first.run(use())
        with pytest.raises(ConfigurationError, match="used in another event loop"):
            second.run(use())
        first.run(store.aclose())


@pytest.mark.parametrize("is_own", [False, True])
async def test_closing_ends_what_is_under_way_and_what_queues(service: EmbeddedService, is_own: bool) -> None:
    service.inject(Fault(delay=5.0, times=None))
    async with httpx.AsyncClient() as client:
        store = open_store(
            service,
            max_concurrency=2,
            max_retries=0,
            http_client=client if is_own else None,
        )
        calls = [asyncio.create_task(store.installations.retrieve(ID)) for _ in range(5)]
        while service.in_flight < 2:  # noqa: ASYNC110  # the service runs in another thread
            await asyncio.sleep(0.01)

        began = monotonic()
        await store.aclose()
        async with asyncio.timeout(5):
            outcomes = await asyncio.gather(*calls, return_exceptions=True)

    assert monotonic() - began < 2
    assert [type(outcome) for outcome in outcomes[2:]] == [ConfigurationError] * 3
    assert all(isinstance(outcome, APIConnectionError | ConfigurationError) for outcome in outcomes[:2])
    service.faults.clear()


@pytest.mark.parametrize("width", [0, -1, 1.5, True, "8"])
def test_a_width_that_is_none_is_refused(width: object) -> None:
    with pytest.raises(ConfigurationError, match="max_concurrency must be a whole number, 1 or more"):
        MCPStore("phx_key", max_concurrency=width)  # type: ignore[arg-type]


async def test_an_abandoned_failure_is_not_reported_by_asyncio(
    wire: Wire, faked: Callable[..., MCPStore], caplog: pytest.LogCaptureFixture
) -> None:
    wire.answers(httpx.ConnectError("refused"))
    call = asyncio.create_task(faked().installations.retrieve(ID))
    await asyncio.sleep(0)
    call.cancel()
    await asyncio.wait((call,))
    for _ in range(5):
        await asyncio.sleep(0)
    gc.collect()

    assert caplog.records == []
