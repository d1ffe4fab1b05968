"""Taking turns, also where several event loops call one service."""

from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from threading import Lock

import anyio


class Turns:
    """One at a time per key. Locks of an event loop would not do: a service may be served and called in process."""

    def __init__(self) -> None:
        self._taken: set[Hashable] = set()
        self._lock = Lock()

    @asynccontextmanager
    async def turn(self, key: Hashable) -> AsyncIterator[None]:
        while not self._take(key):  # noqa: ASYNC110  # an event belongs to one loop
            await anyio.sleep(0.005)
        try:
            yield
        finally:
            self._taken.discard(key)

    def _take(self, key: Hashable) -> bool:
        with self._lock:
            if key in self._taken:
                return False
            self._taken.add(key)
            return True
