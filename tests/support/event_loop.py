"""Control over the event loop of a test: how often it goes round, what its clock shows, which tasks are left."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def loop_rounds(number: int) -> None:
    """Let the event loop run this many rounds: tasks that wait for nothing outside of it get as far as they can."""
    for _ in range(number):
        await asyncio.sleep(0)


async def until_alone() -> None:
    """Wait, for 5 seconds at most, until this task is the only one."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    if others:
        _, left = await asyncio.wait(others, timeout=5)
        assert left == set()


class ClockLoop(asyncio.SelectorEventLoop):
    """Only its own clock moves: `asyncio.sleep`, timeouts and `call_later`, and not `time.monotonic`."""

    _ahead = 0.0

    def time(self) -> float:
        return super().time() + self._ahead

    def put_forward(self, seconds: float) -> None:
        self._ahead += seconds


def run_with_clock(main: Coroutine[Any, Any, T]) -> T:
    """As `asyncio.run`, in an event loop for which `put_forward` works."""
    with asyncio.Runner(loop_factory=ClockLoop) as runner:
        return runner.run(main)


def put_forward(seconds: float) -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, ClockLoop)
    loop.put_forward(seconds)
