"""The owners of keys get the slots of `max_concurrency` in turn, over every transport."""

import asyncio
import gc
import json
import re
import weakref
from collections import Counter, deque
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthog_mcp_store import MCPStore
from posthog_mcp_store._transport.fair_semaphore import FairSemaphore

from ..support.event_loop import loop_rounds
from ..support.serving import Says, store_on
from ..support.wire import ID, installation

every_kind = pytest.mark.parametrize("kind", ["httpx", "aiohttp", "client"])


def one_row() -> Says:
    return Says(json.dumps(installation()).encode())


def senders(says: Says) -> str:
    """The last letters of the keys of the requests, in the order in which they arrived."""
    return "".join(re.findall(r"(?i)authorization: bearer phx_key_of_(\w)\r\n", b"".join(says.heads).decode()))


def view(store: MCPStore, user: str) -> MCPStore:
    return store.with_options(api_key=f"phx_key_of_{user}")


def calls(store: MCPStore, users: str) -> list[asyncio.Task[Any]]:
    """A call of each of these users, who are named by letters, in this order."""
    return [asyncio.create_task(view(store, user).installations.retrieve(ID)) for user in users]


async def all_of(*work: Coroutine[Any, Any, Any] | asyncio.Future[Any]) -> None:
    async with asyncio.timeout(20):
        await asyncio.gather(*work)


@every_kind
async def test_a_single_call_does_not_wait_for_all_calls_of_another_user(kind: str) -> None:
    service = one_row()
    async with store_on(kind, service, max_concurrency=2) as store:
        await all_of(*calls(store, "a" * 50 + "b"))

    assert senders(service).index("b") <= 3
    assert len(service.heads) == 51


@every_kind
async def test_users_take_turns(kind: str) -> None:
    service = one_row()
    async with store_on(kind, service, max_concurrency=1) as store:
        await all_of(*calls(store, "a" * 5 + "bbb" + "c"))

    assert senders(service) == "aabcababa"


@every_kind
async def test_the_views_of_one_user_queue_together(kind: str) -> None:
    service = one_row()
    async with store_on(kind, service, max_concurrency=1) as store:
        await all_of(*calls(store, "aaaa"), *calls(view(store, "a").with_options(timeout=5), "b"))

    assert senders(service) == "aabaa"


@every_kind
async def test_cancelled_calls_take_no_turn(kind: str) -> None:
    service = one_row()
    async with store_on(kind, service, max_concurrency=1) as store:
        waiting = calls(store, "aaaaabbbc")
        await loop_rounds(3)
        for call in waiting[1:4] + waiting[5:7]:
            call.cancel()
        await all_of(waiting[0], waiting[4], *waiting[7:])

    assert senders(service) == "aabc"


# The queue itself


class Slots:
    """A semaphore, and the tasks that hold a slot of it or wait for one."""

    def __init__(self, width: int) -> None:
        self.semaphore = FairSemaphore(width)
        self.width = width
        self.waiting: dict[str, deque[asyncio.Task[None]]] = {}
        self.holding: set[asyncio.Task[None]] = set()
        self.releases: dict[asyncio.Task[None], asyncio.Event] = {}
        self.passed_over: Counter[str] = Counter()
        """How many slots others got while an owner waited."""

    def arrive(self, owner: str) -> None:
        task = asyncio.create_task(self._use(owner))
        self.releases[task] = asyncio.Event()
        self.waiting.setdefault(owner, deque()).append(task)

    async def _use(self, owner: str) -> None:
        task = asyncio.current_task()
        assert task is not None
        await self.semaphore.acquire(owner)
        try:
            self._got(owner, task)
            await self.releases[task].wait()
        finally:
            self.holding.discard(task)
            self.semaphore.release()

    def _got(self, owner: str, task: asyncio.Task[None]) -> None:
        self.holding.add(task)
        assert len(self.holding) <= self.width
        assert next(each for each in self.waiting[owner] if not each.cancelling()) is task
        self.waiting[owner].remove(task)
        self.passed_over[owner] = 0
        for other in self.alive_owners():
            self.passed_over[other] += 1
            assert self.passed_over[other] <= len("abc") + self.width

    def alive_owners(self) -> list[str]:
        return [owner for owner, tasks in self.waiting.items() if any(not task.cancelling() for task in tasks)]

    def cancel(self, index: int) -> None:
        tasks = [task for task in self.releases if not task.done()]
        if tasks:
            tasks[index % len(tasks)].cancel()

    def let_go(self, index: int) -> None:
        holding = [task for task in self.releases if task in self.holding]
        if holding:
            self.releases[holding[index % len(holding)]].set()

    async def settle(self) -> None:
        await loop_rounds(5)
        for tasks in self.waiting.values():
            for task in [each for each in tasks if each.done()]:
                tasks.remove(task)
        # No slot is free while somebody waits.
        assert len(self.holding) == self.width or not self.alive_owners()

    async def end(self) -> None:
        while self.holding:
            for task in self.holding:
                self.releases[task].set()
            await self.settle()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*self.releases)


STEPS = st.one_of(
    st.tuples(st.just("arrive"), st.sampled_from("abc")),
    st.tuples(st.just("cancel"), st.integers(0, 30)),
    st.tuples(st.just("let_go"), st.integers(0, 30)),
    st.tuples(st.just("settle"), st.just(0)),
)


@given(width=st.integers(1, 3), steps=st.lists(STEPS, max_size=40))
def test_no_slot_is_lost_or_given_twice_and_nobody_starves(width: int, steps: list[tuple[str, Any]]) -> None:
    async def main() -> None:
        slots = Slots(width)
        for step, value in steps:
            if step == "settle":
                await slots.settle()
            else:
                getattr(slots, step)(value)
        await slots.settle()
        async with asyncio.timeout(5):
            await slots.end()
        # All slots are free again, and no queue is left.
        for _ in range(width):
            acquiring = slots.semaphore.acquire("d")
            with pytest.raises(StopIteration):
                acquiring.send(None)
        assert not slots.semaphore._queues

    asyncio.run(main())


async def test_a_slot_that_was_handed_to_a_task_just_cancelled_goes_to_the_next() -> None:
    semaphore = FairSemaphore(1)
    await semaphore.acquire("a")
    first, second = (asyncio.ensure_future(semaphore.acquire(owner)) for owner in "ab")
    await loop_rounds(1)

    semaphore.release()
    first.cancel()
    async with asyncio.timeout(5):
        await second

    assert first.cancelled()


async def test_cancelled_tasks_leave_nothing_behind() -> None:
    class Owner:
        """Somebody."""

    semaphore, owner = FairSemaphore(1), Owner()
    await semaphore.acquire(owner)
    gone = weakref.ref(owner)
    waiting = [asyncio.ensure_future(semaphore.acquire(owner)) for _ in range(3)]
    await loop_rounds(1)

    for task in waiting:
        task.cancel()
    async with asyncio.timeout(5):
        await asyncio.gather(*waiting, return_exceptions=True)
    del owner, waiting, task
    await loop_rounds(2)  # until the event loop has dropped the tasks
    gc.collect()

    assert gone() is None


async def test_a_cancelled_task_costs_its_owner_no_turn() -> None:
    semaphore, got = FairSemaphore(1), []

    async def take(owner: str) -> None:
        await semaphore.acquire(owner)
        got.append(owner)
        semaphore.release()

    await semaphore.acquire("z")
    tasks = [asyncio.ensure_future(take(owner)) for owner in "aab"]
    await loop_rounds(1)
    tasks[0].cancel()
    semaphore.release()
    async with asyncio.timeout(5):
        await asyncio.gather(*tasks, return_exceptions=True)

    assert got == ["a", "b"]
