"""Objects that are bound to an event loop."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class LoopLocal(Generic[T]):
    """One object per event loop, created on first use: locks and the like can't be shared between loops."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._made: dict[asyncio.AbstractEventLoop, T] = {}

    def get(self) -> T:
        """The object of the running event loop."""
        loop = asyncio.get_running_loop()
        if loop not in self._made:
            # A WeakKeyDictionary would not help: the objects refer to their loops and would keep them alive.
            for each in list(self._made):
                if each.is_closed():
                    self._made.pop(each, None)
            self._made[loop] = self._make()
        return self._made[loop]
