"""Many calls at once, many stores, many event loops, and resources left open."""

import asyncio
import gc
import socket
import subprocess
import sys
import tracemalloc
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

import httpx
import pytest

from posthog_mcp_store import APIConnectionError, APITimeoutError, ConfigurationError, MCPStore, ProxyCall, ProxyStream
from posthog_mcp_store.testing import EmbeddedService, Fault

from ..support.arrivals import Arrivals
from ..support.event_loop import loop_rounds
from ..support.factories import open_store
from ..support.stream_server import serve_streams
from ..support.wire import ID, Wire

T = TypeVar("T")
EVENT = b'data: {"jsonrpc": "2.0", "method": "notifications/progress"}\n\n'
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


async def test_fifty_stores_leave_nothing_behind(service: EmbeddedService) -> None:
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
        for _ in range(50):
            await cycle()
        service.requests.clear()
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()

    assert open_files() <= files + 3  # the service closes its ends a little later
    assert grown < 100_000
    assert len(asyncio.all_tasks()) == 1


def test_thousands_of_views_weigh_next_to_nothing() -> None:
    store = MCPStore("phx_key")
    tracemalloc.start()
    try:
        for _ in range(2_000):
            assert store.with_options(timeout=5, max_retries=1).installations is not None
        gc.collect()
        kept = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()

    assert kept < 50_000


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
    # asyncio's debug mode logs every step of a tenth of a second or more, which happens on a busy machine.
    said = [line for line in run.stderr.splitlines() if not line.startswith("Executing ")]

    assert (run.stdout, said, run.returncode) == ("0\n0\n0\n", [], 0)


def in_a_loop(work: Coroutine[Any, Any, T]) -> T:
    """Run it in an event loop that is just closed, as Celery and Flask do, and not by `asyncio.run`."""
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(work)
    finally:
        loop.close()


class Steps:
    """Steps to run in one event loop or another."""

    def __init__(self, store: MCPStore) -> None:
        self.store = store

    async def ask(self) -> object:
        return (await self.store.installations.list()).count

    async def ask_often(self) -> object:
        return sum(page.count for page in await asyncio.gather(*(self.store.installations.list() for _ in range(10))))

    async def ask_in_vain(self) -> object:
        with pytest.raises(APITimeoutError):
            await self.store.with_options(deadline=0.1).installations.list()
        return "late"

    async def leave_a_stream(self) -> object:
        async with self.ping() as stream:
            await self.read_in_vain(stream)
        return "left"

    async def keep_a_stream(self) -> ProxyStream:
        stream = await self.ping().__aenter__()
        await self.read_in_vain(stream)
        return stream

    def ping(self) -> ProxyCall:
        return self.store.installations.proxy(ID, {"jsonrpc": "2.0", "id": 1, "method": "ping"})

    async def read_in_vain(self, stream: ProxyStream) -> None:
        """Wait for a second event, which never comes."""
        await anext(stream)
        reading = asyncio.ensure_future(anext(stream))
        await loop_rounds(5)
        reading.cancel()


both_transports = pytest.mark.parametrize("transport", ["httpx", "aiohttp"])


@both_transports
def test_a_store_outlives_event_loops_that_are_just_closed_and_leaves_nothing(
    service: EmbeddedService, transport: str, caplog: pytest.LogCaptureFixture
) -> None:
    service.add_installation()
    steps = Steps(open_store(service, transport=transport, api_prefix="projects"))

    assert [in_a_loop(steps.ask()) for _ in range(3)] == [1, 1, 1]
    assert [in_a_loop(steps.ask_often()) for _ in range(2)] == [10, 10]
    service.inject(Fault(delay=0.5, times=2))
    assert [in_a_loop(steps.ask_in_vain()) for _ in range(2)] == ["late", "late"]
    assert [asyncio.run(steps.ask()), in_a_loop(steps.ask()), asyncio.run(steps.ask())] == [1, 1, 1]
    in_a_loop(steps.ask_often())
    in_a_loop(steps.store.aclose())

    # Whatever is not closed warns when it is collected, and pytest makes an error of that.
    gc.collect()
    assert caplog.messages == []


@both_transports
def test_a_stream_that_was_left_when_its_event_loop_was_just_closed_leaves_nothing(
    transport: str, caplog: pytest.LogCaptureFixture
) -> None:
    with serve_streams(first=EVENT) as (_, host):
        steps = Steps(MCPStore("phx_key", host=host, transport=transport))  # type: ignore[arg-type]
        assert [in_a_loop(steps.leave_a_stream()) for _ in range(2)] == ["left", "left"]
        in_a_loop(steps.store.aclose())

        gc.collect()
        assert caplog.messages == []


@both_transports
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # aiohttp warns of responses never read
def test_a_stream_of_a_closed_event_loop_can_be_left_but_not_read_in_the_next(
    transport: str, caplog: pytest.LogCaptureFixture
) -> None:
    with serve_streams(first=EVENT) as (_, host):
        steps = Steps(MCPStore("phx_key", host=host, transport=transport))  # type: ignore[arg-type]

        stream = in_a_loop(steps.ping().__aenter__())
        with pytest.raises(ConfigurationError, match="belongs to a closed event loop"):
            in_a_loop(stream.__anext__())
        in_a_loop(in_a_loop(steps.keep_a_stream()).aclose())
        assert in_a_loop(steps.leave_a_stream()) == "left"
        in_a_loop(steps.store.aclose())

        del stream
        gc.collect()
        assert caplog.messages == []


async def test_connections_of_others_in_a_closed_event_loop_are_left_alone(service: EmbeddedService) -> None:
    async def use() -> Any:
        await store.installations.list()
        protocol = asyncio.Protocol()
        port = int(service.base_url.rpartition(":")[2])
        return (await asyncio.get_running_loop().create_connection(lambda: protocol, "127.0.0.1", port))[0]

    store = open_store(service)
    others = await asyncio.to_thread(in_a_loop, use())
    (await use()).close()
    await store.aclose()

    assert others.get_extra_info("socket").fileno() >= 0
    others._call_connection_lost(None)


def test_over_aiohttp_a_connection_that_was_not_made_yet_is_left_to_no_closed_event_loop(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"https://127.0.0.1:{silent.getsockname()[1]}"
        steps = Steps(MCPStore("phx_key", host=host, transport="aiohttp"))
        assert [in_a_loop(steps.ask_in_vain()) for _ in range(2)] == ["late", "late"]
        in_a_loop(steps.store.aclose())

        gc.collect()
        assert caplog.messages == []


PROGRAM = """
import asyncio, gc, os
from posthog_mcp_store import MCPStore
from tests.store.test_concurrency import Steps, in_a_loop

store = MCPStore("{key}", host="{host}", transport="{transport}")
for _ in range(2):
    print(type(in_a_loop(Steps(store).{step}())).__name__)
in_a_loop(store.aclose())
gc.collect()
paths = [f"/proc/self/fd/{{name}}" for name in os.listdir("/proc/self/fd")]
print([path for path in paths if os.path.lexists(path) and os.readlink(path).startswith("socket")])
"""


def outcome_in_closed_loops(step: str, host: str, key: str, transport: str) -> tuple[str, list[str], int]:
    """The output and warnings of a program. Only a separate process can list all its sockets."""
    program = PROGRAM.format(step=step, host=host, key=key, transport=transport)
    run = subprocess.run(
        [sys.executable, "-W", "error", "-X", "dev", "-c", program],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=Path(__file__).parents[2],
    )
    return run.stdout, [line for line in run.stderr.splitlines() if not line.startswith("Executing ")], run.returncode


@both_transports
def test_no_socket_is_left_of_event_loops_that_are_just_closed(service: EmbeddedService, transport: str) -> None:
    service.add_installation()

    outcome = outcome_in_closed_loops("ask_often", service.base_url, service.api_key, transport)

    assert outcome == ("int\nint\n[]\n", [], 0)


@both_transports
def test_no_socket_is_left_of_a_stream_that_was_not_left_either(transport: str) -> None:
    with serve_streams(first=EVENT) as (_, host):
        printed, said, status = outcome_in_closed_loops("keep_a_stream", host, "phx_key", transport)

    assert (printed, status) == ("ProxyStream\nProxyStream\n[]\n", 0)
    # A warning about the stream that was not left is fine.
    assert not any("unclosed transport" in line or "destroyed" in line for line in said)


def test_a_client_that_has_connections_in_a_closed_event_loop_is_refused(service: EmbeddedService) -> None:
    """They are its owner's to close: to use it any further would fail inside of httpx."""
    client = httpx.AsyncClient(limits=httpx.Limits(max_keepalive_connections=0))
    store = open_store(service, http_client=client)

    async def use() -> None:
        await store.installations.list()

    loop = asyncio.new_event_loop()
    loop.run_until_complete(use())
    loop.close()

    for _ in range(2):
        with pytest.raises(ConfigurationError, match=r"the http_client .* create a client and a store per loop, or"):
            asyncio.run(use())
    asyncio.run(store.aclose())


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


def test_calls_of_such_a_client_end_with_an_event_loop_that_was_just_closed() -> None:
    class Endless(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            await asyncio.Event().wait()
            yield b""

    async def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return httpx.Response(200, stream=Endless(), headers={"Content-Type": "text/event-stream"})
        if request.url.path.endswith(f"/{ID}/"):
            await asyncio.Event().wait()
        return httpx.Response(200, json={"count": 0, "next": None, "previous": None, "results": []})

    store = MCPStore("phx_key", http_client=httpx.AsyncClient(transport=httpx.MockTransport(answer)))
    kept: list[Any] = []

    async def begin() -> None:
        message = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        kept.append(await store.installations.proxy(ID, message).__aenter__())
        kept.append(asyncio.ensure_future(store.installations.retrieve(ID)))
        kept.append(asyncio.ensure_future(kept[0].__anext__()))
        await loop_rounds(5)

    async def use() -> int:
        return (await store.installations.list()).count

    in_a_loop(begin())
    with pytest.raises(ConfigurationError, match="closed"):
        in_a_loop(kept[0].__anext__())
    in_a_loop(kept[0].aclose())

    assert [in_a_loop(use()), in_a_loop(use())] == [0, 0]

    # The test's own tasks can't end any more, and asyncio would complain of them in the middle of another test.
    for task in kept[1:]:
        task._log_destroy_pending = False
        task.get_coro().close()


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
    arrivals = Arrivals(service)
    async with httpx.AsyncClient() as client:
        store = open_store(
            service,
            max_concurrency=2,
            max_retries=0,
            http_client=client if is_own else None,
        )
        calls = [asyncio.create_task(store.installations.retrieve(ID)) for _ in range(5)]
        await arrivals.wait_for(2)

        began = monotonic()
        await store.aclose()
        async with asyncio.timeout(5):
            outcomes = await asyncio.gather(*calls, return_exceptions=True)

    assert monotonic() - began < 2
    assert [type(outcome) for outcome in outcomes[2:]] == [ConfigurationError] * 3
    assert all(isinstance(outcome, APIConnectionError | ConfigurationError) for outcome in outcomes[:2])
    service.faults.clear()


@pytest.mark.parametrize("width", [0, -1, 1.5, True, "8"])
def test_an_invalid_max_concurrency_is_refused(width: object) -> None:
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
    await loop_rounds(5)
    gc.collect()

    assert caplog.records == []
