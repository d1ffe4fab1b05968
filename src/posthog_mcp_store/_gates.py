"""The service's rate limits as this client sees them: what one call is told by a 429 holds for all that come after it.

A gate is open until the service refuses a call. Then the calls under that limit form a line, in which the first one
waits until the service's window has passed, and the others go one by one behind it.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from ._errors import RateLimitError
from ._operations import Call

LONGEST_SHUT = 3600.0
"""The service's longest window (service facts, section 4). A longer wait is a mistake, and must not shut us out."""
STEP_SECONDS = 1.0
"""How long a call that is not answered yet keeps the next one waiting: calls of the proxy may take minutes."""


class Gate:
    """One of the limits, for all calls of one store and its views."""

    def __init__(self) -> None:
        self._opens_at = 0.0
        self._refusal: RateLimitError | None = None
        self._line: asyncio.Lock | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._in_line = 0

    @contextmanager
    def turn(self, call: Call) -> Iterator["Turn"]:
        """One call's way through the gate, all its attempts included."""
        turn = Turn(self, call)
        try:
            yield turn
        finally:
            turn.step_out()

    async def join(self, patience: float, call: Call) -> asyncio.Lock | None:
        """Wait for one's place at the head of the line; None where there is no line.

        Raises:
            RateLimitError: The gate stays shut for longer than `patience` seconds.
        """
        line = self._current_line()
        if line is None:
            return None
        self.refuse_if_shut_beyond(patience, call)
        self._in_line += 1
        try:
            await line.acquire()
        finally:
            self._in_line -= 1
        return line

    async def wait_until_open(self, patience: float, call: Call) -> None:
        """Wait at the head of the line.

        Raises:
            RateLimitError: The gate stays shut for longer than `patience` seconds.
        """
        while (wait := self._opens_at - monotonic()) > 0:
            self.refuse_if_shut_beyond(patience, call)
            await asyncio.sleep(wait)

    def refuse_if_shut_beyond(self, patience: float, call: Call) -> None:
        wait = self._opens_at - monotonic()
        if wait > patience and self._refusal is not None:
            raise _not_sent(self._refusal, call, wait)

    def shut(self, seconds: float, refusal: RateLimitError) -> None:
        """Let nobody pass for so long, and after that one by one."""
        self._opens_at = max(self._opens_at, monotonic() + min(seconds, LONGEST_SHUT))
        self._refusal = refusal
        if self._current_line() is None:
            self._line = asyncio.Lock()

    def leave(self, line: asyncio.Lock) -> None:
        """Make room for the next in line; behind the last one the gate stands open."""
        line.release()
        if self._in_line == 0 and self._opens_at <= monotonic():
            self._line = self._refusal = None

    def _current_line(self) -> asyncio.Lock | None:
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            # The line of an event loop that has ended holds nobody any more.
            self._loop, self._in_line = loop, 0
            self._line = asyncio.Lock() if self._opens_at > monotonic() else None
        return self._line


class Turn:
    """Where one call stands: outside the line, or at its head."""

    def __init__(self, gate: Gate, call: Call) -> None:
        self._gate = gate
        self._call = call
        self._line: asyncio.Lock | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def come(self, patience: float) -> None:
        """Wait until an attempt may be sent.

        Raises:
            RateLimitError: That takes longer than `patience` seconds. Nothing was sent.
        """
        if self._line is None:
            self._line = await self._gate.join(patience, self._call)
        if self._line is not None:
            await self._gate.wait_until_open(patience, self._call)

    def sent(self) -> None:
        """The attempt is on its way: the next in line waits for its answer, but not for long."""
        if self._line is not None:
            self._timer = asyncio.get_running_loop().call_later(STEP_SECONDS, self.step_out)

    def refused(self, seconds: float, refusal: RateLimitError) -> None:
        """The service refused the attempt. Who stood at the head of the line stays there."""
        self._stop_timer()
        self._gate.shut(seconds, refusal)

    def step_out(self) -> None:
        """Let the next one pass."""
        self._stop_timer()
        line, self._line = self._line, None
        if line is not None:
            self._gate.leave(line)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _not_sent(refusal: RateLimitError, call: Call, wait: float) -> RateLimitError:
    """What a call is told that would have to wait too long for what another was refused."""
    return RateLimitError(
        f"{call.method} {call.path} was not sent: the service refused a call under the same limit, and takes the next "
        f"one in {wait:.0f} s",
        status_code=refusal.status_code,
        headers=refusal.headers,
        body=refusal.body,
        method=call.method,
        url=call.url,
        type=refusal.type,
        code=refusal.code,
        detail=refusal.detail,
        retry_after=wait,
    )
