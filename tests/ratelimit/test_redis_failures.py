"""RedisRateLimiter when Redis fails, or is another server."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest
import redis

from posthog_mcp_store import ConfigurationError, MCPStoreError, Rate, RedisRateLimiter
from posthog_mcp_store.testing import EmbeddedService

from ..support.crash_report import everything_said_by
from ..support.factories import open_store
from ..support.fake_redis import HOST, Address, Command, address, counts, fake_redis, looks, pump, usual
from ..support.redis_server import running_redis

RATE = Rate(100, 60)
"""A rate that no test exhausts."""
PASSWORD = "s3cret-word"


@asynccontextmanager
async def limiter_at(url: str) -> AsyncIterator[RedisRateLimiter]:
    async with RedisRateLimiter(url, rates={"default": [RATE]}) as limiter:
        yield limiter


async def go(limiter: RedisRateLimiter) -> None:
    async with asyncio.timeout(5):
        await limiter.acquire("default")


async def failure_of(limiter: RedisRateLimiter) -> MCPStoreError:
    with pytest.raises(MCPStoreError, match="the call was not sent: the rate limiter's Redis failed") as caught:
        await go(limiter)
    assert "\n" not in str(caught.value)
    return caught.value


# A failover of real servers


class Pair:
    """Two servers, the second of which follows the first."""

    def __init__(self, first: str, second: str) -> None:
        self._servers = [redis.Redis.from_url(url) for url in (first, second)]
        self.ports = [int(urlsplit(url).port or 0) for url in (first, second)]

    def __enter__(self) -> "Pair":
        self._servers[1].replicaof(HOST, str(self.ports[0]))
        self._until(lambda: self._is_in_step(1))
        return self

    def __exit__(self, *_: object) -> None:
        for server in self._servers:
            server.replicaof("NO", "ONE")
            server.close()

    def fail_over(self) -> None:
        """Make the second the primary, and the first its replica."""
        self._until(lambda: self.counted_by_the_second() > 0)
        self._servers[1].replicaof("NO", "ONE")
        self._servers[0].replicaof(HOST, str(self.ports[1]))
        self._until(lambda: self._is_in_step(0))

    def fail_over_and_break_off(self) -> None:
        """Make the second the primary, and the first a replica that refuses all since it has lost its primary."""
        self._until(lambda: self.counted_by_the_second() > 0)
        self._servers[1].replicaof("NO", "ONE")
        self._servers[0].config_set("replica-serve-stale-data", "no")
        self._servers[0].replicaof(HOST, "1")

    def counted_by_the_second(self) -> int:
        keys = self._servers[1].keys("LIMITS:*")
        return sum(self._servers[1].llen(key) for key in keys)

    def _is_in_step(self, follower: int) -> bool:
        return bool(self._servers[follower].info("replication")["master_link_status"] == "up")

    def _until(self, is_so: Callable[[], bool]) -> None:
        end = time.monotonic() + 10
        while not is_so():
            assert time.monotonic() < end, "the replica does not follow"


@pytest.fixture
def pair() -> Iterator[Pair]:
    at_once = {"repl-diskless-sync-delay": "0"}
    with running_redis(**at_once) as first, running_redis(**at_once) as second, Pair(first, second) as pair:
        yield pair


@pytest.fixture
async def moving(pair: Pair) -> AsyncIterator[Address]:
    """An address that leads to the primary."""
    async with address(pair.ports[0]) as moving:
        yield moving


@pytest.mark.parametrize("fail_over", [Pair.fail_over, Pair.fail_over_and_break_off])
async def test_after_a_failover_calls_are_counted_by_the_new_primary(
    pair: Pair, moving: Address, service: EmbeddedService, fail_over: Callable[[Pair], None]
) -> None:
    async with limiter_at(moving.url) as limiter, open_store(service, rate_limiter=limiter) as store:
        await store.installations.list()

        fail_over(pair)
        moving.port = pair.ports[1]

        for _ in range(3):
            await store.installations.list()

    assert pair.counted_by_the_second() == 4
    assert len(service.requests) == 4


async def test_while_the_address_leads_to_a_replica_the_error_says_so(pair: Pair) -> None:
    async with limiter_at(f"redis://{HOST}:{pair.ports[1]}") as limiter:
        error = await failure_of(limiter)

    assert isinstance(error.__cause__, redis.ReadOnlyError)
    assert str(error).endswith(": url has to lead to the primary, not to a replica")


# Replies

READONLY = b"-READONLY You can't write against a read only replica. script: 5d, on @user_script:20.\r\n"
READONLY_OF_REDIS_6 = (
    b"-ERR Error running script (call to f_5d): @user_script:20: @user_script: 20: "
    b"-READONLY You can't write against a read only replica. \r\n"
)
MASTERDOWN = b"-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.\r\n"
NOREPLICAS = b"-NOREPLICAS Not enough good replicas to write.\r\n"
MOVED = b"-MOVED 3999 127.0.0.1:6381\r\n"
CLUSTERDOWN = b"-CLUSTERDOWN The cluster is down\r\n"
LOADING = b"-LOADING Redis is loading the dataset in memory\r\n"
NOAUTH = b"-NOAUTH Authentication required.\r\n"
PRIMARY = "url has to lead to the primary, not to a replica"
SINGLE = "url has to lead to a single Redis, not to a node of a cluster"
PASSING = {
    "READONLY": (READONLY, 2, PRIMARY),
    "READONLY of Redis 6": (READONLY_OF_REDIS_6, 2, PRIMARY),
    "MASTERDOWN": (MASTERDOWN, 2, PRIMARY),
    "NOREPLICAS": (NOREPLICAS, 2, PRIMARY),
    "MOVED": (MOVED, 2, SINGLE),
    "CLUSTERDOWN": (CLUSTERDOWN, 2, SINGLE),
    "NOAUTH": (NOAUTH, 2, "check the user and the password in url"),
    "LOADING": (LOADING, 3, "Redis is loading the dataset in memory"),
}
"""The reply, the number of requests when all connections get it, and the text of the error."""


@pytest.mark.parametrize("asked", [looks, counts], ids=["looking", "counting"])
@pytest.mark.parametrize(("refusal", "says"), [(each[0], each[2]) for each in PASSING.values()], ids=PASSING)
async def test_a_refusal_that_another_server_may_not_share_is_retried_on_a_new_connection(
    refusal: bytes, says: str, asked: Callable[[Command], bool]
) -> None:
    async with (
        fake_redis(lambda number, command: refusal if asked(command) and number == 1 else usual(command)) as fake,
        limiter_at(fake.url) as limiter,
    ):
        await go(limiter)
        await go(limiter)

    assert fake.connections == 2
    assert fake.counted == 2 + (asked is counts)


@pytest.mark.parametrize(("refusal", "tries", "says"), PASSING.values(), ids=PASSING)
async def test_a_refusal_on_every_connection_is_an_error_that_says_what_to_do(
    refusal: bytes, tries: int, says: str
) -> None:
    async with (
        fake_redis(lambda _, command: refusal if counts(command) else usual(command)) as fake,
        limiter_at(fake.url) as limiter,
    ):
        error = await failure_of(limiter)

    assert fake.connections == fake.counted == tries
    assert says in str(error)
    assert isinstance(error.__cause__, redis.RedisError)


@pytest.mark.parametrize(
    "refusal",
    [
        b"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n",
        b"-NOPERM this user has no permissions to run the 'evalsha' command\r\n",
        b"-OOM command not allowed when used memory > 'maxmemory'.\r\n",
    ],
)
async def test_a_refusal_that_every_server_shares_is_not_retried(refusal: bytes) -> None:
    async with (
        fake_redis(lambda _, command: refusal if counts(command) else usual(command)) as fake,
        limiter_at(fake.url) as limiter,
    ):
        await failure_of(limiter)

    assert fake.counted == 1


async def test_other_connections_to_a_demoted_server_are_dropped_too() -> None:
    """Each limit has its own queue, and so may each have a connection."""
    rates = {"default": [RATE], "mcp_proxy": [RATE]}

    def refuse_old_ones(number: int, command: Command) -> bytes:
        return READONLY if is_demoted and number <= 2 and counts(command) else usual(command)

    is_demoted = False
    async with fake_redis(refuse_old_ones) as fake, RedisRateLimiter(fake.url, rates=rates) as limiter:  # type: ignore[arg-type]
        async with asyncio.timeout(5):
            await asyncio.gather(limiter.acquire("default"), limiter.acquire("mcp_proxy"))
        assert fake.connections == 2
        is_demoted = True
        await go(limiter)
        async with asyncio.timeout(5):
            await limiter.acquire("mcp_proxy")

    assert fake.connections == 3
    assert fake.counted == 5


# Answers that are lost


@pytest.mark.parametrize(("lost", "counted"), [(0, 1), (1, 2), (2, 3)])
async def test_a_call_whose_count_no_response_confirms_is_counted_again(lost: int, counted: int) -> None:
    async with (
        fake_redis(lambda number, command: None if counts(command) and number <= lost else usual(command)) as fake,
        limiter_at(fake.url) as limiter,
    ):
        await go(limiter)

    assert fake.counted == counted


@pytest.mark.parametrize("query", ["", "?socket_timeout=0.5"], ids=["hangs up", "is silent"])
async def test_a_call_is_counted_three_times_at_most(query: str) -> None:
    async with (
        fake_redis(lambda _, command: (b"" if query else None) if counts(command) else usual(command)) as fake,
        limiter_at(fake.url + query) as limiter,
    ):
        error = await failure_of(limiter)

    assert fake.counted == 3
    assert isinstance(error.__cause__, redis.ConnectionError | redis.TimeoutError)


async def test_a_check_that_breaks_off_counts_nothing() -> None:
    async with (
        fake_redis(lambda number, command: None if looks(command) and number <= 2 else usual(command)) as fake,
        limiter_at(fake.url) as limiter,
    ):
        await go(limiter)

    assert (fake.connections, fake.counted) == (3, 1)


async def test_only_the_lost_count_is_retried_and_not_those_before_it() -> None:
    """A call has a place in several windows: the first one is not taken twice."""
    asked: list[bytes] = []

    def refuse_the_hour_once(number: int, command: Command) -> bytes:
        if counts(command):
            asked.append(command[3].rpartition(b"/default/")[2])
        return READONLY if counts(command) and b"/200/3600/" in command[3] and number == 1 else usual(command)

    rates = {"default": [Rate(100, 60), Rate(200, 3600)]}
    async with fake_redis(refuse_the_hour_once) as fake, RedisRateLimiter(fake.url, rates=rates) as limiter:  # type: ignore[arg-type]
        await go(limiter)

    assert asked == [b"100/60/second", b"200/3600/second", b"200/3600/second"]


# Errors that quote the password


@pytest.mark.parametrize("password", [PASSWORD, "x" * 200], ids=["short", "cut by the server"])
async def test_a_password_that_a_server_quotes_is_not_shown(password: str) -> None:
    def quote(_: int, command: Command) -> bytes:
        quoted = b" ".join(b"`%b`," % part for part in command[1:])[:128]
        return b"-ERR unknown command `%b`, with args beginning with: %b \r\n" % (command[0], quoted)

    async with fake_redis(quote) as fake, limiter_at(fake.url.replace("//", f"//:{password}@")) as limiter:
        error = await failure_of(limiter)

    assert "`, with args beginning with: ***" in str(error)
    assert error.__context__ is None
    said = everything_said_by(error)
    assert PASSWORD not in said
    assert "xxxxxxxx" not in said


async def test_a_password_that_is_quoted_in_other_words_is_not_shown() -> None:
    async with (
        fake_redis(lambda _, command: b"-ERR no such user or password: %b\r\n" % command[-1]) as fake,
        limiter_at(fake.url.replace("//", f"//:{PASSWORD}@")) as limiter,
    ):
        error = await failure_of(limiter)

    assert "no such user or password: ***" in str(error)
    assert PASSWORD not in everything_said_by(error)


# Clocks


async def test_the_clock_of_another_process_that_is_ahead_makes_no_wait_longer_than_the_window() -> None:
    rate, key = Rate(1, 1), "LIMITS:posthog-mcp-store/default/1/1/second"
    with running_redis() as url, redis.Redis.from_url(url) as server:
        server.lpush(key, time.time() + 86400)
        server.expire(key, 1)
        began = time.monotonic()
        async with RedisRateLimiter(url, rates={"default": [rate]}) as limiter:
            await go(limiter)

    assert time.monotonic() - began < 3


@pytest.mark.parametrize("oldest", [b"inf", b"1e300", b"nan", b"-inf"])
async def test_no_time_that_redis_holds_makes_a_wait_longer_than_the_window(oldest: bytes) -> None:
    full = b"*2\r\n$%d\r\n%b\r\n:1\r\n" % (len(oldest), oldest)
    looked: list[float] = []

    def be_full_once(_: int, command: Command) -> bytes:
        if looks(command):
            looked.append(time.monotonic())
        return full if looks(command) and len(looked) == 1 else usual(command)

    async with (
        fake_redis(be_full_once) as fake,
        RedisRateLimiter(fake.url, rates={"default": [Rate(1, 1)]}) as limiter,
    ):
        await go(limiter)

    assert looked[-1] - looked[0] < 2
    assert fake.counted == 1


# Servers other than Redis

FOREIGN = "the server at url does not respond as Redis does"
FOREIGN_ANSWERS = {
    "HTTP": b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
    "SSH": b"SSH-2.0-OpenSSH_9.6\r\n",
    "SMTP": b"500 5.5.2 Error: bad syntax\r\n",
    "a bad number": b":one\r\n",
    "a bad length": b"$one\r\n",
    "a bad count": b"*one\r\n",
    "a bad float": b",one\r\n",
    "a key that is a list": b"%1\r\n*1\r\n:1\r\n:1\r\n",
    "lists in lists": b"*1\r\n" * 5000 + b":1\r\n",
    "an address that is none": b"-MOVED somewhere else\r\n",
    "zeros": b"\x00" * 100 + b"\r\n",
}


@pytest.mark.parametrize("asked", [lambda _: True, looks, counts], ids=["at once", "looking", "counting"])
@pytest.mark.parametrize("name", FOREIGN_ANSWERS)
async def test_a_server_that_is_not_redis_is_one_kind_of_error(name: str, asked: Callable[[Command], bool]) -> None:
    async with (
        fake_redis(lambda _, command: FOREIGN_ANSWERS[name] if asked(command) else usual(command)) as fake,
        limiter_at(fake.url.replace("//", f"//:{PASSWORD}@")) as limiter,
    ):
        errors = [await failure_of(limiter) for _ in range(2)]

    assert {str(error) for error in errors} == {str(errors[0])}
    assert str(errors[0]).endswith(f": {FOREIGN}")
    assert PASSWORD not in everything_said_by(errors[0])


@pytest.mark.parametrize(
    "window", [b":5\r\n", b"*1\r\n$1\r\n1\r\n", b"*2\r\n$1\r\na\r\n:1\r\n", b"*2\r\n:1\r\n$1\r\na\r\n"]
)
async def test_a_malformed_window_is_the_same_kind_of_error(window: bytes) -> None:
    async with (
        fake_redis(lambda _, command: window if looks(command) else usual(command)) as fake,
        limiter_at(fake.url) as limiter,
    ):
        error = await failure_of(limiter)

    assert str(error).endswith(f": {FOREIGN}")
    assert fake.counted == 0


async def test_a_password_that_an_echo_sends_back_is_not_shown() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await pump(reader, writer)

    server = await asyncio.start_server(echo, HOST, 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        async with limiter_at(f"redis://:{PASSWORD}@{HOST}:{port}") as limiter:
            error = await failure_of(limiter)

    assert PASSWORD not in everything_said_by(error)


async def test_a_connection_that_began_with_a_foreign_response_is_not_used_again() -> None:
    def greet_badly_once(number: int, command: Command) -> bytes:
        return b"*1\r\n:1\r\n" if command[0] in {b"AUTH", b"HELLO"} and number == 1 else usual(command)

    async with (
        fake_redis(greet_badly_once) as fake,
        limiter_at(fake.url.replace("//", f"//:{PASSWORD}@") + "?protocol=3") as limiter,
    ):
        await failure_of(limiter)
        await go(limiter)

    assert fake.connections == 2


async def test_a_limiter_that_is_closed_during_a_request_says_so_and_opens_no_other_connection() -> None:
    asked = asyncio.Event()

    def be_silent(_: int, command: Command) -> bytes:
        if looks(command):
            asked.set()
        return b"" if looks(command) else usual(command)

    async with fake_redis(be_silent) as fake:
        limiter = RedisRateLimiter(fake.url, rates={"default": [RATE]})
        waiting = asyncio.create_task(limiter.acquire("default"))
        async with asyncio.timeout(5):
            await asked.wait()
            await limiter.aclose()
            with pytest.raises(ConfigurationError, match="this RedisRateLimiter is closed"):
                await waiting

    assert fake.connections == 1
