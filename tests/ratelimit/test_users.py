"""RedisRateLimiter counts the calls of each user, without telling who they are."""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator

import httpx
import pytest
import redis

from posthog_mcp_store import MCPStore, Rate, Rates, RedisRateLimiter

from ..support.redis_server import running_redis
from ..support.wire import ID, Wire

KEYS = ("phx_the_key_of_alice", "phx_the_key_of_bob")
HOUR: Rates = {"default": [Rate(1, 3600)]}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with running_redis() as url:
        yield url


@pytest.fixture
def empty(server: str) -> Iterator[redis.Redis]:
    """The Redis, with nothing in it."""
    with redis.Redis.from_url(server) as client:
        client.flushall()
        yield client


@pytest.fixture
async def opened(server: str, empty: redis.Redis, wire: Wire) -> Callable[[RedisRateLimiter], MCPStore]:
    return lambda limiter: MCPStore(
        "phx_the_stores_own_key",
        http_client=httpx.AsyncClient(transport=httpx.MockTransport(wire)),
        api_prefix="projects",
        rate_limiter=limiter,
    )


def names(empty: redis.Redis) -> list[str]:
    """The keys in Redis."""
    return [bytes(name).decode() for name in empty.scan_iter()]


async def ask(view: MCPStore) -> None:
    async with asyncio.timeout(5):
        await view.installations.retrieve(ID)


async def has_to_wait(view: MCPStore) -> bool:
    try:
        async with asyncio.timeout(0.3):
            await view.installations.retrieve(ID)
    except TimeoutError:
        return True
    return False


async def test_each_user_has_a_budget_and_no_name_in_redis(
    server: str, empty: redis.Redis, opened: Callable[[RedisRateLimiter], MCPStore]
) -> None:
    async with RedisRateLimiter(server, rates=HOUR) as limiter:
        store = opened(limiter)
        for key in KEYS:
            await ask(store.with_options(api_key=key))
        await ask(store)
        again = [await has_to_wait(store.with_options(api_key=key)) for key in KEYS]

    assert again == [True, True]
    assert len(set(names(empty))) == 3
    assert all(name.startswith("LIMITS:posthog-mcp-store/") for name in names(empty))
    assert not any(part in name for name in names(empty) for part in ("phx", "alice", "bob", "own"))


async def test_a_callable_is_counted_under_its_first_key(
    server: str, empty: redis.Redis, opened: Callable[[RedisRateLimiter], MCPStore]
) -> None:
    keys = [*KEYS, *KEYS]
    async with RedisRateLimiter(server, rates={"default": [Rate(2, 3600)]}) as limiter:
        store = opened(limiter)
        view = store.with_options(api_key=lambda: keys.pop(0))
        await ask(view)
        await ask(view)
        waits = [await has_to_wait(each) for each in (view, store.with_options(api_key=KEYS[0]))]

    assert waits == [True, True]
    assert len(names(empty)) == 1


async def test_calls_without_a_user_have_a_budget_of_their_own(server: str, empty: redis.Redis) -> None:
    async with RedisRateLimiter(server, rates=HOUR) as limiter, asyncio.timeout(5):
        await limiter.acquire("default")
        await limiter.for_owner("somebody").acquire("default")

    assert {name.removeprefix("LIMITS:") for name in names(empty)} == {
        "posthog-mcp-store/default/1/3600/second",
        "posthog-mcp-store/somebody/default/1/3600/second",
    }


async def test_calls_of_a_user_go_in_order_in_stores_that_share_a_limiter(server: str, empty: redis.Redis) -> None:
    gone: list[int] = []
    async with RedisRateLimiter(server, rates={"default": [Rate(1, 1)]}) as limiter:

        async def call(number: int) -> None:
            await limiter.for_owner("somebody").acquire("default")
            gone.append(number)

        async with asyncio.timeout(10):
            await asyncio.gather(*(call(number) for number in range(3)))

    assert gone == [0, 1, 2]


PROGRAM = """
import asyncio, sys
import httpx
from posthog_mcp_store import MCPStore, Rate, RedisRateLimiter

async def main(url, key):
    answer = lambda _: httpx.Response(200, json={"count": 0, "next": None, "previous": None, "results": []})
    async with RedisRateLimiter(url, rates={"default": [Rate(5, 3600)]}) as limiter:
        client = httpx.AsyncClient(transport=httpx.MockTransport(answer))
        store = MCPStore("phx_own", http_client=client, rate_limiter=limiter)
        for given in (key, lambda: key):
            await store.with_options(api_key=given).installations.list()

asyncio.run(main(*sys.argv[1:]))
"""


def test_processes_count_a_user_together(server: str, empty: redis.Redis) -> None:
    command = [sys.executable, "-W", "error", "-c", PROGRAM, server, KEYS[0]]
    for _ in range(2):
        subprocess.run(command, check=True, timeout=60)

    (name,) = names(empty)
    assert len(empty.lrange(name, 0, -1)) == 4
