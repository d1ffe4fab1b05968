"""Looking at the installations that somebody waits for: once for all who wait, and gently."""

import asyncio
import math
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Protocol
from uuid import UUID

from attrs import frozen

from ._authorization import Watch
from ._errors import (
    APIConnectionError,
    ListUnstableError,
    MCPStoreError,
    NotFoundError,
    RateLimitError,
    ServerError,
)
from ._pagination import Pager
from ._rows import DEFAULT_LIMIT
from ._seam import Installation

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 5.0
GROWTH = 1.5
PASSING = (APIConnectionError, ListUnstableError, RateLimitError, ServerError)
"""What a wait of minutes outlives."""


class Service(Protocol):
    """Where installations are looked at."""

    async def retrieve(self, id: UUID) -> Installation: ...

    def list(self) -> Pager[Installation]: ...


@frozen
class Look:
    """What one look showed to all who wait."""

    rows: Sequence[Installation]
    ids: frozenset[UUID] | None
    """The installations that were asked for; None for all there are."""
    requests: int
    failure: MCPStoreError | None = None
    is_last: bool = False
    """Whether the failure will not pass."""

    def is_for(self, watch: Watch) -> bool:
        return self.failure is not None or self.ids is None or watch.id in self.ids


def pauses() -> Iterator[float]:
    """Seconds from one look to the next: short at first, when many a person just has to click, then longer."""
    pause = FIRST_PAUSE
    while True:
        yield pause
        pause = min(pause * GROWTH, LONGEST_PAUSE)


class Lookout:
    """All who wait for installations of one project."""

    def __init__(self) -> None:
        self._watches: set[Watch] = set()
        self._looking: _Looking | None = None

    @asynccontextmanager
    async def watching(self, watch: Watch) -> AsyncIterator[None]:
        """Take the watch's installation into the looks. The last to leave ends the looking."""
        self._watches.add(watch)
        if self._looking is not None:
            self._looking.joined.set()
        try:
            yield
        finally:
            self._watches.discard(watch)
            if not self._watches and self._looking is not None:
                looking, self._looking = self._looking, None
                await looking.stop()

    async def next_look(self, watch: Watch, service: Service) -> Look:
        """The next look that is for the watch."""
        while True:
            if self._looking is None or self._looking.task.done():
                self._looking = _Looking(self._watches, service)
            look = await asyncio.shield(self._looking.next)
            if look.is_for(watch):
                return look


class _Looking:
    """The task that looks, while anybody waits."""

    def __init__(self, watches: set[Watch], service: Service) -> None:
        loop = asyncio.get_running_loop()
        self._watches = watches
        self._service = service
        self._list_requests = 1
        """How many requests it takes to list everything."""
        self.joined = asyncio.Event()
        self.next: asyncio.Future[Look] = loop.create_future()
        self.task = loop.create_task(self._run())

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])

    async def _run(self) -> None:
        lengths = pauses()
        while True:
            self.joined.clear()
            look = await self._look()
            told, self.next = self.next, asyncio.get_running_loop().create_future()
            told.set_result(look)
            if look.is_last:
                return
            await self._pause(next(lengths), look.requests)
            lengths = pauses() if self.joined.is_set() else lengths

    async def _pause(self, seconds: float, requests: int) -> None:
        """Wait until the next look is due, or somebody joins.

        A look that cost many requests is followed by as many seconds without one, so that however many wait, they use
        up a fraction of the service's 480 requests a minute (service facts, section 4).
        """
        least = FIRST_PAUSE if requests == 1 else float(requests)
        await asyncio.sleep(least)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds - least):
                await self.joined.wait()

    async def _look(self) -> Look:
        ids = {watch.id for watch in self._watches}
        known = frozenset(id for id in ids if id is not None)
        try:
            if None in ids or len(known) > self._list_requests:
                return await self._look_at_all()
            return await self._look_at(known)
        except MCPStoreError as failure:
            return Look((), known, 1, failure, is_last=not isinstance(failure, PASSING))

    async def _look_at_all(self) -> Look:
        rows = await self._service.list().collect()
        self._list_requests = max(1, math.ceil(len(rows) / DEFAULT_LIMIT))
        return Look(rows, None, self._list_requests)

    async def _look_at(self, ids: frozenset[UUID]) -> Look:
        rows = []
        for id in ids:
            # One that is gone is missing from the look: a matter for who waits for it, not for the others.
            with suppress(NotFoundError):
                rows.append(await self._service.retrieve(id))
        return Look(rows, ids, len(ids))
