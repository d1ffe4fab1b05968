"""Waiting until an OAuth flow is done: each wait with the settings of its own view, and many on the same looks."""

import asyncio
import math
from collections.abc import Callable, Iterator, Sequence
from time import monotonic
from typing import Protocol
from uuid import UUID

from ._authorization import AuthorizationProgress, Watch
from ._errors import ListUnstableError, MCPStoreError, OAuthTimeoutError
from ._oauth_callback import START_AGAIN
from ._pagination import Pager
from ._rate_limiters import PerLoop
from ._retry import may_pass
from ._seam import Installation

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 5.0
GROWTH = 1.5
FEW = 3
"""So many waits ask for their installations one by one; more of them take the list, which is one request for all."""
LIST_LIMIT = 1000
"""So that the list is one request: the service has no maximum (service facts, section 3)."""

OnProgress = Callable[[AuthorizationProgress], None]


class Service(Protocol):
    """Where installations are looked at."""

    async def retrieve(self, id: UUID) -> Installation: ...

    def list(self, *, limit: int) -> Pager[Installation]: ...


def pauses() -> Iterator[float]:
    """Seconds from one look to the next: short at first, when many a person just has to click, then longer."""
    pause = FIRST_PAUSE
    while True:
        yield pause
        pause = min(pause * GROWTH, LONGEST_PAUSE)


class Looks:
    """What the waits for installations of one project see, so that many of them take hardly more requests than one.

    Rows are shared, and failures are not: they may come from the timeout or the deadline of one view.
    """

    def __init__(self) -> None:
        self.waits = 0
        self._turns = PerLoop(asyncio.Lock)
        self._rows: Sequence[Installation] = ()
        self._began = -math.inf

    async def rows(self, service: Service, *, since: float) -> Sequence[Installation]:
        """All rows, as a request showed them that began after `since`, and not long ago."""
        async with self._turns.get():
            if self._began <= max(since, monotonic() - FIRST_PAUSE):
                began = monotonic()
                self._rows = await service.list(limit=LIST_LIMIT).collect()
                self._began = began
            return self._rows


class Wait:
    """One wait for one flow, for at most `timeout` seconds."""

    def __init__(self, watch: Watch, *, timeout: float, on_progress: OnProgress | None) -> None:
        self._watch = watch
        self._timeout = timeout
        self._on_progress = on_progress
        self._began = monotonic()
        self._looks = 0
        self._failure: MCPStoreError | None = None
        """Why the latest look failed."""

    async def result(self, service: Service, looks: Looks) -> Installation | None:
        """The installation when its flow is done; None where it is not to be found among all there are.

        Raises:
            OAuthTimeoutError: It was not done in time.
        """
        timer = asyncio.timeout(self._timeout)
        looks.waits += 1
        try:
            async with timer:
                return await self._watched(service, looks)
        except TimeoutError:
            # What a look or a callback raises may be one too.
            if not timer.expired():
                raise
        finally:
            looks.waits -= 1
        why = "" if self._failure is None else f"; the last look failed ({self._failure})"
        message = f"{self._watch} was not authorized within {self._timeout:g} s: {START_AGAIN}{why}"
        raise OAuthTimeoutError(message) from self._failure

    async def _watched(self, service: Service, looks: Looks) -> Installation | None:
        lengths = pauses()
        since = self._began
        while True:
            try:
                row = await self._look(service, looks, since)
            except MCPStoreError as failure:
                if not _outlives(failure):
                    raise
                self._failure = failure
            else:
                self._failure = None
                if row is None or self._is_over(row):
                    return row
            since = monotonic()
            await asyncio.sleep(next(lengths))

    async def _look(self, service: Service, looks: Looks, since: float) -> Installation | None:
        row = None
        if self._watch.id is None or looks.waits > FEW:
            row = self._watch.find(await looks.rows(service, since=since))
        # That an installation is gone, the service says best.
        return row if row is not None or self._watch.id is None else await service.retrieve(self._watch.id)

    def _is_over(self, row: Installation) -> bool:
        self._looks += 1
        elapsed = monotonic() - self._began
        if self._on_progress is not None:
            self._on_progress(AuthorizationProgress(row, self._looks, elapsed, self._timeout - elapsed))
        return self._watch.is_over(row)


def _outlives(failure: MCPStoreError) -> bool:
    """Whether a wait of minutes goes on after a look that failed so."""
    return isinstance(failure, ListUnstableError) or may_pass(failure, is_repeatable=True)
