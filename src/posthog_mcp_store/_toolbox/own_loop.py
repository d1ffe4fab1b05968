"""Running calls in the event loop of a toolbox, whichever loop or thread they come from."""

import asyncio
import concurrent.futures
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, Generic, TypeVar

import anyio

from .._core.asyncio_only import require_asyncio
from .._core.errors import APIConnectionError, ConfigurationError
from .._transport.waits import Waits

CHECK_SECONDS = 0.2
"""How often a caller outside of the loop checks that the loop is still running: a loop that ends notifies nobody."""

T = TypeVar("T")


class OwnLoop:
    """The event loop in which a toolbox was opened, and the calls that run in it until the toolbox is closed."""

    def __init__(self, url: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._url = url
        """Of the installations, for errors."""
        self._is_closed = False
        self._calls = Waits()

    async def run(self, work: Callable[[], Awaitable[T]]) -> T:
        """Run the work in this loop, at once if it is the caller's.

        Raises:
            ConfigurationError: The toolbox is closed, or this loop is not running.
            APIConnectionError: The toolbox was closed, or this loop ended, during the call.
        """
        require_asyncio()
        if asyncio.get_running_loop() is self._loop:
            return await self._until_closed(work)
        call = self._start(lambda: self._until_closed(work))
        outcome = asyncio.wrap_future(call.outcome)
        try:
            while not call.outcome.done():
                self._check_running()
                await asyncio.wait((outcome,), timeout=CHECK_SECONDS)
            return await outcome
        finally:
            call.cancel()

    def run_sync(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run the work in this loop, and block this thread until it is done. The errors are the same."""
        with suppress(RuntimeError):
            if asyncio.get_running_loop() is self._loop:
                raise ConfigurationError(
                    "run_sync() would block the event loop that it waits for: use `await tool.run(...)`, or call "
                    "run_sync() in another thread, with asyncio.to_thread()"
                )
        call = self._start(work)
        try:
            while not concurrent.futures.wait((call.outcome,), CHECK_SECONDS).done:
                self._check_running()
            return call.outcome.result()
        finally:
            call.cancel()

    async def aclose(self) -> None:
        """End the calls, and wait until they have ended."""
        self._is_closed = True
        with anyio.CancelScope(shield=True):
            await self._calls.end()

    async def _until_closed(self, work: Callable[[], Awaitable[T]]) -> T:
        self._check_open()
        try:
            return await self._calls.within(work())
        except TimeoutError:
            # The work may raise an APITimeoutError.
            if not self._is_closed:
                raise
        raise self._lost("the toolbox was closed")

    def _start(self, work: Callable[[], Coroutine[Any, Any, T]]) -> "_CallFromOutside[T]":
        self._check_open()
        # A loop that is not running may never run again.
        if self._loop.is_running():
            # It may be closed in this very moment.
            with suppress(RuntimeError):
                return _CallFromOutside(self._loop, work, self._lost("the event loop of the toolbox ended"))
        raise ConfigurationError(
            "the event loop in which this toolbox was opened is not running: open the toolbox in a loop that runs for "
            "as long as its tools are called"
        )

    def _check_open(self) -> None:
        if self._is_closed:
            raise ConfigurationError("this toolbox is closed: call its tools inside `async with`")

    def _check_running(self) -> None:
        if not self._loop.is_running():
            raise self._lost("the event loop of the toolbox ended")

    def _lost(self, reason: str) -> APIConnectionError:
        message = f"{reason} during the call: the tool may have run"
        return APIConnectionError(message, method="POST", url=self._url)


class _CallFromOutside(Generic[T]):
    """A coroutine that runs in the loop, started from another thread or loop, where its outcome is awaited."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, work: Callable[[], Coroutine[Any, Any, T]], lost: Exception
    ) -> None:
        self.outcome: concurrent.futures.Future[T] = concurrent.futures.Future()
        self._loop = loop
        self._work = work
        self._lost = lost
        self._task: asyncio.Task[T]
        # It passes on the caller's context, too.
        loop.call_soon_threadsafe(self._begin)

    def cancel(self) -> None:
        """Cancel the coroutine, unless it is done. Its outcome is dropped."""
        if self.outcome.cancel():
            # The loop may be closed.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._cancel_task)

    def _begin(self) -> None:
        self._task = self._loop.create_task(self._work())
        self._task.add_done_callback(self._end)

    def _cancel_task(self) -> None:
        # It has begun, because the loop runs callbacks in order.
        self._task.cancel()

    def _end(self, task: asyncio.Task[T]) -> None:
        # Nobody but `cancel` cancels the task, except a loop that ends.
        error = self._lost if task.cancelled() else task.exception()
        # The caller may be gone.
        with suppress(concurrent.futures.InvalidStateError):
            if error is None:
                self.outcome.set_result(task.result())
            else:
                self.outcome.set_exception(error)
