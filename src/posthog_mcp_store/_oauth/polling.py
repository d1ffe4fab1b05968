"""Waiting for the end of OAuth flows. Each wait uses the settings of its own view, but many waits share polls."""

import asyncio
import math
from collections.abc import Callable, Hashable, Iterator, Sequence
from time import monotonic
from typing import Protocol
from uuid import UUID
from weakref import WeakValueDictionary

from .._adapter import Installation
from .._core.errors import ListUnstableError, MCPStoreError, OAuthTimeoutError
from .._core.loop_local import LoopLocal
from .._pagination.pager import Pager
from .._request.retry import is_transient
from .callback import START_AGAIN
from .flow import AuthorizationProgress, FlowTracker

FIRST_PAUSE = 0.5
MAX_PAUSE = 5.0
GROWTH = 1.5
MAX_SEPARATE_POLLS = 3
"""Up to this many waits retrieve their installations separately; more of them share one request for the list."""
LIST_LIMIT = 1000
"""Large enough to get the list in one request: the service has no maximum (docs/service.md, section 3)."""

OnProgress = Callable[[AuthorizationProgress], None]


class InstallationSource(Protocol):
    """Retrieves installations from the service."""

    async def retrieve(self, id: UUID) -> Installation: ...

    def list(self, *, limit: int) -> Pager[Installation]: ...


def pauses() -> Iterator[float]:
    """Seconds between polls: short at first, since many users only have to click once, then longer."""
    pause = FIRST_PAUSE
    while True:
        yield pause
        pause = min(pause * GROWTH, MAX_PAUSE)


class SharedPolls:
    """The list of a project's installations, polled for many waits with hardly more requests than for one.

    Rows are shared, but failures are not: they may be due to the timeout or deadline of one view.
    """

    def __init__(self) -> None:
        self.waits = 0
        self._turns = LoopLocal(asyncio.Lock)
        self._rows: Sequence[Installation] = ()
        self._began = -math.inf

    async def rows(self, source: InstallationSource, *, since: float) -> Sequence[Installation]:
        """All rows, from a request that began after `since` and not long ago."""
        async with self._turns.get():
            if self._began <= max(since, monotonic() - FIRST_PAUSE):
                began = monotonic()
                self._rows = await source.list(limit=LIST_LIMIT).collect()
                self._began = began
            return self._rows


class PollsInUse:
    """The shared polls of the waits in progress."""

    def __init__(self) -> None:
        self._polls: WeakValueDictionary[Hashable, SharedPolls] = WeakValueDictionary()

    def of(self, project: Hashable) -> SharedPolls:
        """Those of a project, as the owner of one API key sees it."""
        return self._polls.setdefault(project, SharedPolls())


class AuthorizationWait:
    """A wait of at most `timeout` seconds for the end of a flow."""

    def __init__(self, tracker: FlowTracker, *, timeout: float, on_progress: OnProgress | None) -> None:
        self._tracker = tracker
        self._timeout = timeout
        self._on_progress = on_progress
        self._began = monotonic()
        self._polls = 0
        self._failure: MCPStoreError | None = None
        """Why the latest poll failed."""

    async def result(self, source: InstallationSource, polls: SharedPolls) -> Installation | None:
        """Return the installation once its flow has ended, or None if the list does not contain it.

        Raises:
            OAuthTimeoutError: The flow did not end in time.
        """
        timer = asyncio.timeout(self._timeout)
        polls.waits += 1
        try:
            async with timer:
                return await self._poll_until_done(source, polls)
        except TimeoutError:
            # A poll or a callback may raise one, too.
            if not timer.expired():
                raise
        finally:
            polls.waits -= 1
        why = "" if self._failure is None else f"; the last poll failed ({self._failure})"
        message = f"{self._tracker} was not authorized within {self._timeout:g} s: {START_AGAIN}{why}"
        raise OAuthTimeoutError(message) from self._failure

    async def _poll_until_done(self, source: InstallationSource, polls: SharedPolls) -> Installation | None:
        lengths = pauses()
        since = self._began
        while True:
            try:
                row = await self._poll(source, polls, since)
            except MCPStoreError as failure:
                if not _is_survivable(failure):
                    raise
                self._failure = failure
            else:
                self._failure = None
                if row is None or self._is_over(row):
                    return row
            since = monotonic()
            await asyncio.sleep(next(lengths))

    async def _poll(self, source: InstallationSource, polls: SharedPolls, since: float) -> Installation | None:
        row = None
        if self._tracker.id is None or polls.waits > MAX_SEPARATE_POLLS:
            row = self._tracker.find(await polls.rows(source, since=since))
        # If it is no longer listed, `retrieve` raises the service's own error.
        return row if row is not None or self._tracker.id is None else await source.retrieve(self._tracker.id)

    def _is_over(self, row: Installation) -> bool:
        self._polls += 1
        elapsed = monotonic() - self._began
        if self._on_progress is not None:
            self._on_progress(AuthorizationProgress(row, self._polls, elapsed, self._timeout - elapsed))
        return self._tracker.is_over(row)


def _is_survivable(failure: MCPStoreError) -> bool:
    """True if the wait should continue after a poll that failed in this way."""
    return isinstance(failure, ListUnstableError) or is_transient(failure, is_idempotent=True)
