"""A lock per key that works across event loops."""

from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from threading import Lock

import anyio


class KeyedLock:
    """Mutual exclusion per key.

    An asyncio lock belongs to one event loop, but a service may be served and called in process at the same time.
    """

    def __init__(self) -> None:
        self._held: set[Hashable] = set()
        self._lock = Lock()

    @asynccontextmanager
    async def hold(self, key: Hashable) -> AsyncIterator[None]:
        while not self._try_acquire(key):  # noqa: ASYNC110  # an event belongs to one loop
            await anyio.sleep(0.005)
        try:
            yield
        finally:
            self._held.discard(key)

    def _try_acquire(self, key: Hashable) -> bool:
        with self._lock:
            if key in self._held:
                return False
            self._held.add(key)
            return True
