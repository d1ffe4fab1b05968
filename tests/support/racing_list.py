"""The list endpoint of a service whose rows change during requests, according to a schedule."""

import asyncio
import json
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from typing import Literal, NamedTuple
from uuid import UUID

import httpx

from posthog_mcp_store import ListUnstableError, MCPStore

from .event_loop import loop_rounds
from .wire import BASE, installation


class Step(NamedTuple):
    """The next event: a request gets one query further, or a row is added or removed."""

    kind: Literal["query", "add", "remove"]
    position: int = 0
    """Which of the waiting requests, or where in the list."""


class Outcome(NamedTuple):
    """The result of an iteration, and the expected one."""

    read: list[int]
    is_unstable: bool
    """Whether it ended in ListUnstableError."""
    stayed: list[int]
    """The rows that existed during the whole iteration, in the order of the list."""


class _Waiting:
    """A request without a response yet."""

    def __init__(self, limit: int, offset: int) -> None:
        self.limit = limit
        self.offset = offset
        self.count: int | None = None
        self.answer: asyncio.Future[httpx.Response] = asyncio.get_running_loop().create_future()


class RacingList:
    """It counts in one query and reads in another; anything can happen between the two, and between requests.

    It is Django REST framework's `LimitOffsetPagination`: an offset beyond the count is an empty page, and `next`
    depends on the count alone. `most` is its `max_limit`.
    """

    ROUNDS = 24
    """After so many rounds of the event loop, whatever can be sent has been sent."""

    def __init__(self, rows: int, most: int | None = None) -> None:
        self.numbers = list(range(rows, 0, -1))
        self.requests: list[tuple[int, int]] = []
        self.is_cut_short = False
        """Whether the first page was as long as `most`, and called itself the last one, wrongly."""
        self._next_number = rows + 1
        self._most = most
        self._stayed = list(self.numbers)
        self._waiting: list[_Waiting] = []

    async def iterate(self, steps: Iterable[Step], *, limit: int | None = None, concurrency: int = 4) -> Outcome:
        """Iterate over the list while the steps are taken. After the last one, nothing changes any more."""
        async with httpx.AsyncClient(transport=httpx.MockTransport(self._receive)) as client:
            listed = MCPStore("phx_key", http_client=client).installations.list(limit=limit, concurrency=concurrency)
            read: list[int] = []

            async def read_all() -> None:
                async for row in listed:
                    read.append(row.id.int)  # noqa: PERF401  # rows before an error are compared, too

            reading = asyncio.create_task(read_all())
            remaining = iter(steps)
            async with asyncio.timeout(30):
                while not reading.done():
                    await loop_rounds(self.ROUNDS)
                    if self._waiting:
                        self._go(next(remaining, Step("query")))
            with suppress(ListUnstableError):
                await reading
            return Outcome(read, reading.exception() is not None, self._stayed)

    def _go(self, step: Step) -> None:
        if step.kind == "add":
            self.numbers.insert(step.position % (len(self.numbers) + 1), self._next_number)
            self._next_number += 1
        elif step.kind == "query":
            self._query(self._waiting[step.position % len(self._waiting)])
        elif self.numbers:
            removed = self.numbers.pop(step.position % len(self.numbers))
            self._stayed = [number for number in self._stayed if number != removed]

    async def _receive(self, request: httpx.Request) -> httpx.Response:
        params = request.url.params
        waiting = _Waiting(int(params.get("limit", 100)), int(params.get("offset", 0)))
        self.requests.append((waiting.limit, waiting.offset))
        self._waiting.append(waiting)
        try:
            return await waiting.answer
        finally:
            self._waiting.remove(waiting)

    def _query(self, waiting: _Waiting) -> None:
        if waiting.answer.done():
            return
        if waiting.count is None:
            waiting.count = len(self.numbers)
            return
        end = waiting.offset + min(waiting.limit, self._most or waiting.limit)
        shown = self.numbers[waiting.offset : end] if 0 < waiting.count >= waiting.offset else []
        is_last = end >= waiting.count
        if self._most and len(self.requests) == 1:
            self.is_cut_short = is_last and len(shown) == self._most < len(self.numbers)
        link = None if is_last else f"{BASE}?limit={end - waiting.offset}&offset={end}"
        head = json.dumps({"count": waiting.count, "next": link, "previous": None})
        body = f'{head[:-1]}, "results": [{", ".join(map(_row, shown))}]}}'
        waiting.answer.set_result(httpx.Response(200, text=body, headers={"Content-Type": "application/json"}))


@cache
def _row(number: int) -> str:
    return json.dumps(installation(id=str(UUID(int=number))))
