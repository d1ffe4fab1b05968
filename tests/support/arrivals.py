"""Requests that have reached the embedded service, while it handles them in its thread."""

import asyncio

from posthog_mcp_store.testing import EmbeddedService, RecordedRequest


class Arrivals:
    """Counts the requests that arrive from now on."""

    def __init__(self, service: EmbeddedService) -> None:
        self._loop = asyncio.get_running_loop()
        self._arrived = asyncio.Semaphore(0)
        service.before_each = self._count

    def _count(self, _: RecordedRequest) -> None:
        self._loop.call_soon_threadsafe(self._arrived.release)

    async def wait_for(self, number: int = 1) -> None:
        """Wait, for 5 seconds at most, until this many more have arrived."""
        async with asyncio.timeout(5):
            for _ in range(number):
                await self._arrived.acquire()
