"""Waiting until an OAuth flow is done."""

import asyncio
from collections.abc import Callable
from time import monotonic

from ._authorization import AuthorizationProgress, Watch
from ._errors import MCPStoreError, OAuthTimeoutError
from ._lookout import PASSING, Look, Lookout, Service
from ._oauth_callback import START_AGAIN
from ._seam import Installation

OnProgress = Callable[[AuthorizationProgress], None]


class Wait:
    """One wait for one flow, for at most `timeout` seconds."""

    def __init__(self, watch: Watch, *, timeout: float, on_progress: OnProgress | None) -> None:
        self._watch = watch
        self._timeout = timeout
        self._on_progress = on_progress
        self._began = monotonic()
        self._looks = 0
        self._failure: MCPStoreError | None = None
        """Why the latest look showed nothing."""

    async def result(self, lookout: Lookout, service: Service) -> Installation | None:
        """The installation when its flow is done; None where it is not to be found among all there are.

        Raises:
            OAuthTimeoutError: It was not done in time.
        """
        timer = asyncio.timeout(self._timeout)
        try:
            async with timer, lookout.watching(self._watch):
                return await self._watched(lookout, service)
        except TimeoutError:
            # What a look or a callback raises may be one too.
            if not timer.expired():
                raise
        why = "" if self._failure is None else f"; the last look failed ({self._failure})"
        message = f"{self._watch} was not authorized within {self._timeout:g} s: {START_AGAIN}{why}"
        raise OAuthTimeoutError(message) from self._failure

    async def _watched(self, lookout: Lookout, service: Service) -> Installation | None:
        while True:
            look = await lookout.next_look(self._watch, service)
            try:
                row = await self._found(look, service)
            except PASSING as failure:
                self._failure = failure
                continue
            self._failure = None
            if row is None or self._is_over(row):
                return row

    async def _found(self, look: Look, service: Service) -> Installation | None:
        if look.failure is not None:
            raise look.failure
        row = self._watch.find(look.rows)
        if row is None and self._watch.id is not None:
            # That it is gone, the service says best: with NotFoundError.
            return await service.retrieve(self._watch.id)
        return row

    def _is_over(self, row: Installation) -> bool:
        self._looks += 1
        elapsed = monotonic() - self._began
        if self._on_progress is not None:
            self._on_progress(AuthorizationProgress(row, self._looks, elapsed, self._timeout - elapsed))
        return self._watch.is_over(row)
