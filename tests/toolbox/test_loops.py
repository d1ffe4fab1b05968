"""Tools that are called from other event loops and from threads than those where the toolbox was opened."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import ContextVar
from typing import Any, TypeVar

import httpx
import pytest

from posthog_mcp_store import (
    APIConnectionError,
    ConfigurationError,
    InstallationTool,
    MCPStore,
    RateLimitScope,
    Toolbox,
)

from ..support.event_loop import loop_rounds
from ..support.fake_project import FakeProject, tool

T = TypeVar("T")
WITHIN = 5
"""Seconds within which everything here has to happen."""
TENANT = ContextVar("TENANT", default="nobody")


async def elsewhere(work: Callable[[], Awaitable[T]]) -> T:
    """What the work returns in an event loop of its own, in another thread."""

    async def main() -> T:
        return await asyncio.wait_for(work(), WITHIN)

    return await asyncio.wait_for(asyncio.to_thread(asyncio.run, main()), 2 * WITHIN)


class Loops(FakeProject):
    """Records in which event loops and contexts requests are sent."""

    def __init__(self) -> None:
        super().__init__()
        self.loops: set[asyncio.AbstractEventLoop] = set()
        self.tenants: list[str] = []
        self.arrived = threading.Semaphore(0)

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.loops.add(asyncio.get_running_loop())
        if request.method == "POST":
            self.tenants.append(TENANT.get())
            self.arrived.release()
        return await super().__call__(request)


@pytest.fixture
def project() -> Loops:
    return Loops()


async def test_a_call_from_another_event_loop_runs_in_the_toolboxs_own(project: Loops, project_store: MCPStore) -> None:
    project.add("Orders", tool())

    async with project_store.installations.connect_all() as toolbox:
        result = await elsewhere(lambda: toolbox["add"].call({"a": 1}))
        text = await elsewhere(lambda: toolbox["add"].run(a=2))

    assert (result.content[0]["text"], text) == ("42", "42")
    assert [call["arguments"] for call in project.calls] == [{"a": 1}, {"a": 2}]
    assert project.loops == {asyncio.get_running_loop()}


async def test_a_thread_can_call_a_tool_and_wait(project: Loops, project_store: MCPStore) -> None:
    project.add("Orders", tool())

    async with project_store.installations.connect_all() as toolbox:
        texts = await asyncio.gather(*(asyncio.to_thread(toolbox["add"].run_sync, a=number) for number in range(10)))

    assert texts == ["42"] * 10
    assert sorted(call["arguments"]["a"] for call in project.calls) == list(range(10))
    assert project.loops == {asyncio.get_running_loop()}


async def test_a_thread_inside_of_another_event_loop_can_wait_too(project: Loops, project_store: MCPStore) -> None:
    """It blocks that loop, as any synchronous tool does."""
    project.add("Orders", tool())

    async def block(tool: InstallationTool) -> str:
        return tool.run_sync(a=1)

    async with project_store.installations.connect_all() as toolbox:
        assert await elsewhere(lambda: block(toolbox["add"])) == "42"


async def test_the_callers_context_comes_along(project: Loops, project_store: MCPStore) -> None:
    project.add("Orders", tool())

    def named() -> str:
        TENANT.set("thread")
        return toolbox["add"].run_sync()

    async def in_loop() -> None:
        TENANT.set("loop")
        await toolbox["add"].call()

    async with project_store.installations.connect_all() as toolbox:
        await asyncio.to_thread(named)
        await elsewhere(in_loop)
        await toolbox["add"].call()

    assert project.tenants == ["thread", "loop", "nobody"]


async def test_errors_reach_the_caller(project: Loops, project_store: MCPStore) -> None:
    project.add("Orders", tool())
    project.answer = httpx.Response(429, json={})

    async with project_store.installations.connect_all() as toolbox:
        with pytest.raises(Exception, match="429"):
            await elsewhere(toolbox["add"].call)
        with pytest.raises(ConfigurationError, match="bytes"):
            await asyncio.to_thread(toolbox["add"].run_sync, a=b"x")
        await project_store.aclose()
        with pytest.raises(ConfigurationError, match="closed"):
            await asyncio.to_thread(toolbox["add"].run_sync)


async def test_run_sync_in_the_loops_own_thread_is_refused_at_once(project: Loops, project_store: MCPStore) -> None:
    project.add("Orders", tool())

    async with project_store.installations.connect_all() as toolbox:
        with pytest.raises(ConfigurationError, match=r"run_sync\(\) would block the event loop .*to_thread"):
            toolbox["add"].run_sync()

    assert project.calls == []


async def test_a_call_that_is_cancelled_elsewhere_is_cancelled_here(project: Loops, project_store: MCPStore) -> None:
    project.add("Orders", tool())
    store = MCPStore(
        "phx_key", http_client=httpx.AsyncClient(transport=httpx.MockTransport(project)), max_concurrency=1
    )

    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await toolbox["add"].call({"a": "given up"})

    async with store.installations.connect_all() as toolbox:
        project.gate = asyncio.Event()
        first = asyncio.ensure_future(toolbox["add"].call({"a": "first"}))
        await loop_rounds(20)
        await elsewhere(give_up)
        last = asyncio.ensure_future(toolbox["add"].call({"a": "last"}))
        await loop_rounds(20)
        project.gate.set()
        await asyncio.wait_for(asyncio.gather(first, last), WITHIN)

    assert [call["arguments"]["a"] for call in project.calls] == ["first", "last"]


async def test_a_call_that_is_given_up_before_the_loop_gets_to_it_is_never_made(
    project: Loops, project_store: MCPStore
) -> None:
    project.add("Orders", tool())
    given_up = threading.Event()

    async def give_up() -> None:
        calling = asyncio.ensure_future(toolbox["add"].call())
        await loop_rounds(5)
        calling.cancel()
        with suppress(asyncio.CancelledError):
            await calling
        given_up.set()

    async with project_store.installations.connect_all() as toolbox:
        other = threading.Thread(target=asyncio.run, args=(give_up(),))
        other.start()
        # This blocks the loop of the toolbox.
        assert given_up.wait(WITHIN)
        other.join(WITHIN)
        await loop_rounds(20)

    assert project.calls == []


async def test_closing_the_toolbox_ends_the_calls_of_others(project: Loops, project_store: MCPStore) -> None:
    project.add("Orders", tool())

    async with asyncio.timeout(2 * WITHIN), project_store.installations.connect_all() as toolbox:
        project.gate = asyncio.Event()
        calls = [
            asyncio.ensure_future(elsewhere(toolbox["add"].call)),
            asyncio.ensure_future(elsewhere(toolbox["add"].run)),
            asyncio.ensure_future(asyncio.to_thread(toolbox["add"].run_sync)),
        ]
        for _ in calls:
            assert await asyncio.to_thread(project.arrived.acquire, timeout=WITHIN)

    for call in calls:
        with pytest.raises(APIConnectionError, match="the toolbox was closed during the call"):
            await asyncio.wait_for(call, WITHIN)


class LoopThread:
    """An event loop in a thread, in which a toolbox is open. Its calls wait for ever, before they are sent."""

    def __init__(self, project: FakeProject) -> None:
        self.loop = asyncio.new_event_loop()
        self._client = httpx.AsyncClient(transport=httpx.MockTransport(project))
        self.waiting = threading.Semaphore(0)
        store = MCPStore("phx_key", http_client=self._client, rate_limiter=self)
        self._manager = store.installations.connect_all()
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()
        self.toolbox: Toolbox = self.run(self._manager.__aenter__())

    async def acquire(self, scope: RateLimitScope, /) -> None:
        if scope == "mcp_proxy":
            self.waiting.release()
            await asyncio.Event().wait()

    def run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(WITHIN)

    def cancel(self) -> None:
        """Cancel all tasks, as `asyncio.run` does first. The loop goes on, for as long as they take to end."""

        async def cancel() -> None:
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()

        self.run(cancel())

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(WITHIN)

    def close(self) -> None:
        """End the loop as `asyncio.run` does."""
        self.stop()
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
            with suppress(BaseException):
                self.loop.run_until_complete(task)
        self.loop.run_until_complete(self._manager.__aexit__(None, None, None))
        self.loop.run_until_complete(self._client.aclose())
        self.loop.close()


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as executor:
        yield executor


@pytest.fixture
def loop_thread(project: Loops, executor: ThreadPoolExecutor) -> Iterator[LoopThread]:
    """It ends before the threads of the executor do, which may wait for it."""
    project.add("Orders", tool())
    loop_thread = LoopThread(project)
    yield loop_thread
    if not loop_thread.loop.is_closed():
        loop_thread.close()


def begin_calls(executor: ThreadPoolExecutor, tool: InstallationTool) -> list[Future[str]]:
    """A call from a thread, and one from another event loop."""
    return [executor.submit(tool.run_sync), executor.submit(lambda: asyncio.run(tool.run()))]


@pytest.mark.parametrize("is_closed", [False, True])
def test_a_loop_that_is_not_running_is_refused_at_once(
    loop_thread: LoopThread, executor: ThreadPoolExecutor, is_closed: bool
) -> None:
    add = loop_thread.toolbox["add"]
    loop_thread.stop()
    if is_closed:
        loop_thread.loop.close()

    errors = [call.exception(WITHIN) for call in begin_calls(executor, add)]
    # This thread could be the one that ran the loop.
    with pytest.raises(ConfigurationError) as caught:
        add.run_sync()

    for error in (*errors, caught.value):
        assert isinstance(error, ConfigurationError)
        assert str(error).startswith("the event loop in which this toolbox was opened is not running")


@pytest.mark.parametrize("end", ["cancel", "stop", "close"])
def test_a_loop_that_ends_during_a_call_ends_it(
    loop_thread: LoopThread, executor: ThreadPoolExecutor, end: str
) -> None:
    calls = begin_calls(executor, loop_thread.toolbox["add"])
    for _ in calls:
        assert loop_thread.waiting.acquire(timeout=WITHIN)
    getattr(loop_thread, end)()
    errors = [call.exception(WITHIN) for call in calls]

    for error in errors:
        assert isinstance(error, APIConnectionError)
        assert str(error) == "the event loop of the toolbox ended during the call: the tool may have run"
        assert error.is_sent
