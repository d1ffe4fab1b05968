"""The connections of a toolbox: one for each installation, opened when it is first needed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Self
from uuid import UUID

import anyio

from .._core.errors import ConfigurationError

if TYPE_CHECKING:
    from .client import ProxyClient


class Connections:
    """Opens connections on demand, and closes all of them when it is left."""

    def __init__(self, connect: Callable[[UUID], AbstractAsyncContextManager[ProxyClient]]) -> None:
        self._connect = connect
        self._stack = AsyncExitStack()
        self._opened: dict[UUID, asyncio.Task[ProxyClient]] = {}
        self._is_closed = False

    async def client(self, id: UUID) -> ProxyClient:
        """The client of an installation. Callers that need it at the same time wait for one connection.

        Raises the errors of `connect()`, and the next caller tries again.
        """
        if self._is_closed:
            raise ConfigurationError("this toolbox is closed: call its tools inside `async with`")
        task = self._opened.get(id)
        if task is None or (task.done() and _has_failed(task)):
            task = self._opened[id] = asyncio.create_task(self._open(id))
            # Retrieve the exception, or asyncio would log it after all callers were cancelled.
            task.add_done_callback(_has_failed)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if self._is_closed and task.cancelled() and current is not None and not current.cancelling():
                raise ConfigurationError("this toolbox was closed while it was connecting") from None
            raise

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_closed = True
        opening = [task for task in self._opened.values() if not task.done()]
        for task in opening:
            task.cancel()
        if opening:
            with anyio.CancelScope(shield=True):
                await asyncio.wait(opening)
        await self._stack.__aexit__(kind, error, trace)

    async def _open(self, id: UUID) -> ProxyClient:
        return await self._stack.enter_async_context(self._connect(id))


def _has_failed(task: asyncio.Task[ProxyClient]) -> bool:
    return task.cancelled() or task.exception() is not None
