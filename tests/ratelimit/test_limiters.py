"""Pacing: in one process, and in several that share a budget."""

import asyncio
import gc
import socket
import subprocess
import sys
import time
import weakref
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st

from posthog_mcp_store import (
    SERVICE_RATES,
    ConfigurationError,
    LocalRateLimiter,
    MCPStoreError,
    Rate,
    RateLimiter,
    RateLimitScope,
    RedisRateLimiter,
)
from posthog_mcp_store._ratelimit.local import SlidingWindows

from ..support.crash_report import everything_said_by
from ..support.event_loop import loop_rounds
from ..support.listener import Listener
from ..support.redis_server import running_redis

RECORD = Rate(100, 60)
"""A rate that no test exhausts: it makes Redis keep a record of all calls."""


def assert_paced(times: Sequence[float], rate: Rate, *, slack: float = 0.0) -> None:
    """No stretch of the rate's length holds more than its calls. `slack` is what time stamps may be late by."""
    ordered = sorted(times)
    for first, last in zip(ordered, ordered[rate.calls :], strict=False):
        assert last >= first + rate.seconds - slack


def is_done_at_once(acquiring: Coroutine[Any, Any, None]) -> bool:
    """Whether it ends without ever yielding to the event loop."""
    try:
        acquiring.send(None)
    except StopIteration:
        return True
    acquiring.close()
    return False


# Sliding windows


@given(
    rates=st.lists(st.builds(Rate, st.integers(1, 4), st.integers(1, 30)), max_size=3),
    gaps=st.lists(st.integers(0, 12), max_size=40),
)
def test_no_stretch_of_time_holds_more_calls_than_a_rate_allows(rates: list[Rate], gaps: list[int]) -> None:
    windows, now, times = SlidingWindows(rates), 0.0, list[float]()
    for gap in gaps:
        now += gap
        wait = windows.try_acquire(now)
        if wait > 0:
            # Not a moment too long: just before that, one more call would have been too much.
            assert any(
                len([time for time in times if time > now + wait - 1 - rate.seconds]) == rate.calls for rate in rates
            )
            now += wait
            assert windows.try_acquire(now) == 0
        times.append(now)

    for rate in rates:
        assert_paced(times, rate)


def test_the_rates_are_the_services_and_can_not_be_changed() -> None:
    assert {scope: [(rate.calls, rate.seconds) for rate in rates] for scope, rates in SERVICE_RATES.items()} == {
        "default": [(480, 60), (4800, 3600)],
        "mcp_oauth": [(10, 60), (50, 3600)],
        "mcp_proxy": [(60, 60), (600, 3600)],
    }
    with pytest.raises(TypeError):
        SERVICE_RATES["default"] = ()  # type: ignore[index]


# One process


async def test_while_there_is_room_no_call_waits() -> None:
    limiter = LocalRateLimiter()

    assert [is_done_at_once(limiter.acquire("mcp_oauth")) for _ in range(11)] == [True] * 10 + [False]


async def test_without_rates_a_limit_does_not_hold() -> None:
    limiter = LocalRateLimiter({"mcp_proxy": [], "mcp_oauth": [Rate(1, 60)]})

    assert all(is_done_at_once(limiter.acquire("mcp_proxy")) for _ in range(1000))
    assert all(is_done_at_once(limiter.acquire("default")) for _ in range(1000))


async def test_calls_are_paced_by_both_windows_at_once() -> None:
    short, long = Rate(2, 0.1), Rate(5, 0.3)
    limiter, times = LocalRateLimiter({"default": [long, short]}), list[float]()

    async def call() -> None:
        await limiter.acquire("default")
        times.append(time.monotonic())

    async with asyncio.timeout(5):
        await asyncio.gather(*(call() for _ in range(8)))

    assert len(times) == 8
    assert_paced(times, short, slack=0.05)
    assert_paced(times, long, slack=0.05)


async def test_calls_go_in_the_order_in_which_they_came() -> None:
    limiter, gone = LocalRateLimiter({"default": [Rate(2, 0.02)]}), list[int]()

    async def call(number: int) -> None:
        await limiter.acquire("default")
        gone.append(number)

    async with asyncio.timeout(5):
        await asyncio.gather(*(call(number) for number in range(10)))

    assert gone == list(range(10))


async def test_a_late_comer_does_not_overtake_who_waits() -> None:
    limiter = LocalRateLimiter({"default": [Rate(1, 0.5)]})
    await limiter.acquire("default")
    waiting = asyncio.create_task(limiter.acquire("default"))
    await loop_rounds(10)

    # There is room again while the event loop is blocked.
    time.sleep(0.51)  # noqa: ASYNC251

    assert not is_done_at_once(limiter.acquire("default"))
    async with asyncio.timeout(5):
        await waiting


@pytest.mark.parametrize("cancelled", [0, 1], ids=["the first in line", "one behind it"])
async def test_a_cancelled_call_is_not_counted_and_the_next_takes_its_place(cancelled: int) -> None:
    # Were it counted, the third call would be too much for an hour.
    limiter = LocalRateLimiter({"default": [Rate(1, 0.4), Rate(3, 3600)]})
    await limiter.acquire("default")
    waiting = [asyncio.create_task(limiter.acquire("default")) for _ in range(3)]
    await loop_rounds(10)

    waiting[cancelled].cancel()

    async with asyncio.timeout(5):
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes].index(asyncio.CancelledError) == cancelled
    assert outcomes.count(None) == 2


async def test_limits_do_not_wait_for_each_other() -> None:
    limiter = LocalRateLimiter({"default": [Rate(1, 3600)], "mcp_proxy": [Rate(1, 3600)]})
    await limiter.acquire("default")
    waiting = asyncio.create_task(limiter.acquire("default"))
    await loop_rounds(10)

    assert is_done_at_once(limiter.acquire("mcp_proxy"))
    waiting.cancel()


def test_it_serves_one_event_loop_after_another() -> None:
    limiter, times = LocalRateLimiter({"default": [Rate(2, 0.08)]}), list[float]()
    waiting: list[asyncio.Task[None]] = []

    async def call() -> None:
        await limiter.acquire("default")
        times.append(time.monotonic())

    async def session() -> "weakref.ref[asyncio.AbstractEventLoop]":
        async with asyncio.timeout(5):
            await asyncio.gather(*(call() for _ in range(4)))
        # asyncio.run cancels who still waits at its end.
        waiting.append(asyncio.create_task(call()))
        await loop_rounds(10)
        return weakref.ref(asyncio.get_running_loop())

    loops = [asyncio.run(session()) for _ in range(3)]

    assert len(times) == 12
    assert_paced(times, Rate(2, 0.08), slack=0.05)
    assert all(task.cancelled() for task in waiting)
    waiting.clear()
    gc.collect()
    assert [loop() for loop in loops[:2]] == [None, None], "it must not keep the loops of the past"


class Interrupted(int):
    """A number of calls that lets other threads run just after it was compared with what was counted."""

    __hash__ = int.__hash__

    def __eq__(self, other: object) -> bool:
        answer = int(self) == other
        time.sleep(0.001)
        return answer


def test_threads_with_event_loops_of_their_own_share_the_budget() -> None:
    limiter, start = LocalRateLimiter({"default": [Rate(Interrupted(10), 3600)]}), Barrier(4)

    async def call_until_full() -> int:
        start.wait(timeout=5)
        return [is_done_at_once(limiter.acquire("default")) for _ in range(10)].count(True)

    with ThreadPoolExecutor(4) as threads:
        counts = [threads.submit(asyncio.run, call_until_full()) for _ in range(4)]

    assert sum(count.result(timeout=5) for count in counts) == 10


# Arguments


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: Rate(0, 1), "calls must be a whole number, 1 or more, not 0"),
        (lambda: Rate(1.5, 1), "calls must be a whole number"),  # type: ignore[arg-type]
        (lambda: Rate(1, 0), "seconds must be a number of seconds above zero, not 0"),
        (lambda: Rate(1, None), "seconds must be a number of seconds above zero, not None"),  # type: ignore[arg-type]
        (lambda: LocalRateLimiter([Rate(1, 1)]), "rates must be a mapping from limits to their rates, not"),  # type: ignore[arg-type]
        (lambda: LocalRateLimiter({"proxy": []}), "rates can't name 'proxy': the limits are default, mcp_oauth, mcp_p"),  # type: ignore[dict-item]
        (lambda: LocalRateLimiter({"default": Rate(1, 1)}), r"rates\['default'\] must be a tuple of Rate, not Rate\("),  # type: ignore[dict-item]
        (lambda: LocalRateLimiter({"default": [(1, 1)]}), r"rates\['default'\] must be a tuple of Rate, not \["),  # type: ignore[list-item]
        (lambda: RedisRateLimiter("redis://", prefix=""), "prefix must be visible ASCII text without spaces, not ''"),
        (lambda: RedisRateLimiter("redis://", prefix=7), "prefix must be visible ASCII text"),  # type: ignore[arg-type]
        (
            lambda: RedisRateLimiter("redis://", rates={"default": [Rate(1, 0.5)]}),
            "RedisRateLimiter takes rates of whole seconds, not 0.5",
        ),
    ],
)
def test_wrong_arguments_are_named_in_one_line(make: Callable[[], object], complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint) as caught:
        make()

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://user:s3cret-word@localhost",
        "redis://user:s3cret-word/@localhost",
        "redis://:s3cret-word@localhost:66666",
        "redis://:s3cret-word@[localhost",
        "redis://localhost?password=s3cret-word&no_such_option=1",
        "redis://localhost?password=s3cret-word&db=first",
        "rediss://:s3cret-word@localhost?ssl_cert_reqs=no_such_value",
        "redis://:s3cret-word@localhost?retry=no_such_value",
        b"redis://:s3cret-word@localhost",
        None,
    ],
)
def test_a_url_that_is_not_for_redis_is_refused_without_showing_it(url: Any) -> None:
    with pytest.raises(ConfigurationError, match="url must be a Redis URL") as caught:
        RedisRateLimiter(url)

    assert "s3cret" not in everything_said_by(caught.value)


@pytest.mark.parametrize("scheme", ["redis://", "rediss://u:p%2Fw@", "unix://"])
async def test_urls_of_redis_are_accepted_and_nothing_is_opened(scheme: str, listener: Listener) -> None:
    place = "/run/redis.sock?db=1" if scheme == "unix://" else f"127.0.0.1:{listener.port}/2?socket_timeout=2"

    async with RedisRateLimiter(scheme + place):
        await loop_rounds(10)
        listener.take()

    assert listener.accepted == []


@pytest.mark.parametrize("package", ["limits", "redis.asyncio"])
def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    monkeypatch.delitem(sys.modules, "posthog_mcp_store._ratelimit.redis_budget", raising=False)
    monkeypatch.setitem(sys.modules, package, None)

    with pytest.raises(ConfigurationError, match=r'pip install "posthog-mcp-store\[redis\]"'):
        RedisRateLimiter("redis://localhost")


# Many processes


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    with running_redis() as url:
        yield url


class Counts:
    """The keys of one budget in Redis."""

    def __init__(self, url: str, prefix: str) -> None:
        self._redis = redis.Redis.from_url(url)
        self.prefix = prefix

    def __enter__(self) -> "Counts":
        return self

    def __exit__(self, *_: object) -> None:
        self._redis.close()

    def key(self, rate: Rate, scope: RateLimitScope = "default") -> str:
        return f"LIMITS:{self.prefix}/{scope}/{rate.calls}/{rate.seconds}/second"

    def times(self, rate: Rate) -> list[float]:
        """When calls were counted, the newest first."""
        return [float(time) for time in self._redis.lrange(self.key(rate), 0, -1)]

    def put(self, rate: Rate, *ages: float) -> None:
        """Count calls of these ages in seconds, the newest first."""
        now = time.time()
        self._redis.rpush(self.key(rate), *(now - age for age in ages))

    def break_key(self, rate: Rate) -> None:
        self._redis.set(self.key(rate), "no list")

    def drop_connections(self) -> None:
        self._redis.client_kill_filter(_type="normal", skipme=True)

    def questions(self) -> int:
        """The number of commands that Redis ran."""
        return int(self._redis.info("commandstats").get("cmdstat_evalsha", {"calls": 0})["calls"])


@pytest.fixture
def prefix(request: pytest.FixtureRequest) -> str:
    """A budget for each test."""
    name: str = request.node.name
    return name


@pytest.fixture
def counts(redis_url: str, prefix: str) -> Iterator[Counts]:
    with Counts(redis_url, prefix) as counts:
        yield counts


Shared = Callable[..., RedisRateLimiter]


@pytest.fixture
async def shared(redis_url: str, prefix: str) -> AsyncIterator[Shared]:
    """Makes limiters on the test's budget."""
    made: list[RedisRateLimiter] = []

    def make(*rates: Rate, prefix: str = prefix, **more: Sequence[Rate]) -> RedisRateLimiter:
        by_scope: Mapping[Any, Sequence[Rate]] = {"default": rates, **more}
        made.append(RedisRateLimiter(redis_url, rates=by_scope, prefix=prefix))
        return made[-1]

    yield make
    for limiter in made:
        await limiter.aclose()


async def go(limiter: RateLimiter, times: int = 1, *, scope: RateLimitScope = "default") -> None:
    """Calls that need not wait."""
    async with asyncio.timeout(5):
        for _ in range(times):
            await limiter.acquire(scope)


async def has_to_wait(limiter: RateLimiter, scope: RateLimitScope = "default") -> bool:
    """Whether a call has to wait. It is cancelled then."""
    try:
        async with asyncio.timeout(0.1):
            await limiter.acquire(scope)
    except TimeoutError:
        return True
    return False


PROGRAM = """
import asyncio, sys
from posthog_mcp_store import Rate, RedisRateLimiter

async def main(url, prefix):
    async with RedisRateLimiter(url, rates={"default": [Rate(10, 1), Rate(100, 60)]}, prefix=prefix) as limiter:
        print("ready", flush=True)
        sys.stdin.readline()
        await asyncio.gather(*(limiter.acquire("default") for _ in range(10)))

asyncio.run(main(*sys.argv[1:]))
"""


def test_two_processes_share_one_budget(redis_url: str, prefix: str, counts: Counts) -> None:
    command = [sys.executable, "-W", "error", "-c", PROGRAM, redis_url, prefix]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as one, subprocess.Popen(command, text=True, **pipes) as other:
        for process in (one, other):
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n", process.communicate()
        for process in (one, other):
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        said = [process.communicate(timeout=10) for process in (one, other)]

    assert said == [("", "")] * 2
    times = counts.times(RECORD)
    assert len(times) == 20
    # They are counted in the other window a moment later than in the one that holds them back.
    assert_paced(times, Rate(10, 1), slack=0.1)


async def test_calls_of_a_process_go_in_the_order_in_which_they_came(shared: Shared, counts: Counts) -> None:
    counts.put(Rate(3, 1), 0.7, 0.8, 0.9)
    limiter, gone = shared(Rate(3, 1)), list[int]()

    async def call(number: int) -> None:
        await limiter.acquire("default")
        gone.append(number)

    async with asyncio.timeout(5):
        await asyncio.gather(*(call(number) for number in range(3)))

    assert gone == list(range(3))


async def test_a_full_window_costs_no_place_in_another(shared: Shared, counts: Counts) -> None:
    minute, hour = Rate(5, 60), Rate(2, 3600)
    limiter = shared(minute, hour)

    await go(limiter, 2)

    assert [await has_to_wait(limiter) for _ in range(2)] == [True, True]
    assert (len(counts.times(minute)), len(counts.times(hour))) == (2, 2)


async def test_a_place_that_another_process_took_first_is_waited_for_with_pauses(
    shared: Shared, counts: Counts
) -> None:
    # When the clocks of processes differ, their times are in no order, and the library finds room and then none.
    second, limiter = Rate(2, 1), shared(Rate(2, 1), RECORD)
    counts.put(second, 3600, 0.6)
    asked = counts.questions()

    await go(limiter)

    assert len(counts.times(RECORD)) == 1, "it must not lose the scarce places in the race"
    assert 7 <= counts.questions() - asked < 150


async def test_limits_and_prefixes_are_budgets_of_their_own(shared: Shared, counts: Counts) -> None:
    rate = Rate(1, 60)
    limiter, other = shared(rate, mcp_proxy=[rate]), shared(rate, prefix=f"{counts.prefix}/other")

    await go(limiter)

    assert await has_to_wait(limiter)
    await go(limiter, scope="mcp_proxy")
    await go(other)
    await go(limiter, 3, scope="mcp_oauth")


async def test_the_services_rates_hold_unless_others_are_given(redis_url: str, prefix: str) -> None:
    async with RedisRateLimiter(redis_url, prefix=prefix) as limiter:
        await go(limiter, 10, scope="mcp_oauth")

        assert await has_to_wait(limiter, "mcp_oauth")


async def test_a_connection_that_redis_closed_is_made_again(shared: Shared, counts: Counts) -> None:
    limiter = shared(RECORD)
    await go(limiter)

    counts.drop_connections()

    await go(limiter)
    assert len(counts.times(RECORD)) == 2


async def test_with_redis_out_of_reach_no_call_is_let_go() -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        url = f"redis://:s3cret-word@127.0.0.1:{unheard.getsockname()[1]}"
        async with RedisRateLimiter(url) as limiter:
            with pytest.raises(
                MCPStoreError, match=r"not sent: the rate limiter's Redis failed \(ConnectionError: "
            ) as caught:
                await limiter.acquire("default")

    assert isinstance(caught.value.__cause__, redis.ConnectionError)
    assert "\n" not in str(caught.value)
    assert "s3cret" not in everything_said_by(caught.value)


async def test_an_error_of_redis_is_the_cause_of_ours(shared: Shared, counts: Counts) -> None:
    counts.break_key(RECORD)

    with pytest.raises(MCPStoreError, match="WRONGTYPE") as caught:
        await shared(RECORD).acquire("default")

    assert isinstance(caught.value.__cause__, redis.ResponseError)


async def test_a_closed_limiter_says_so_also_to_who_waits(shared: Shared, counts: Counts) -> None:
    counts.put(Rate(1, 1), 0.5)
    limiter = shared(Rate(1, 1))
    assert await has_to_wait(limiter)
    asked = counts.questions()
    waiting = asyncio.create_task(limiter.acquire("default"))
    async with asyncio.timeout(5):
        while counts.questions() == asked:
            await loop_rounds(10)
    await loop_rounds(10)

    await limiter.aclose()

    async with asyncio.timeout(5):
        with pytest.raises(ConfigurationError, match="this RedisRateLimiter is closed"):
            await waiting
    with pytest.raises(ConfigurationError, match="this RedisRateLimiter is closed"):
        await limiter.acquire("default")


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning", "ignore:loop is closed:ResourceWarning")
def test_a_budget_serves_one_event_loop_after_another(redis_url: str, prefix: str, counts: Counts) -> None:
    limiter = RedisRateLimiter(redis_url, rates={"default": [RECORD]}, prefix=prefix)

    for _ in range(3):
        asyncio.run(limiter.acquire("default"))

    assert len(counts.times(RECORD)) == 3
    # Nobody can close the connections of a loop that has ended: here they go, with a warning.
    del limiter
    gc.collect()
