"""Many users of one store: what belongs to a key's owner is apart, what belongs to the host is shared."""

import asyncio
import gc
import json
import tracemalloc
import weakref
from collections import Counter
from dataclasses import dataclass
from time import monotonic
from typing import Any

import httpx
import pytest
from attrs import define, frozen

from posthog_mcp_store import (
    ConfigurationError,
    LocalRateLimiter,
    MCPStore,
    OAuthTimeoutError,
    Rate,
    RateLimitError,
    RateLimitScope,
)
from posthog_mcp_store.testing import EmbeddedService

from ..support.crash_report import everything_said_by
from ..support.event_loop import loop_rounds, put_forward, run_with_clock
from ..support.factories import open_store
from ..support.wire import ID, installation

ALICE, BOB = "phx_the_key_of_alice", "phx_the_key_of_bob"
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


class Service:
    """Refuses some keys with a 429."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        """The keys of the requests."""
        self._refused: dict[str, list[int]] = {}

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        key = request.headers["Authorization"].removeprefix("Bearer ")
        self.keys.append(key)
        if key not in self._refused:
            return httpx.Response(200, json=installation())
        times = self._refused[key]
        seconds = times.pop(0) if len(times) > 1 else times[0]
        body = {"type": "throttled_error", "code": "throttled", "detail": f"Not you, {key[-5:]}.", "attr": None}
        return httpx.Response(429, json=body, headers={"Retry-After": str(seconds)})

    def refuse(self, key: str, *seconds: int) -> None:
        """Refuse a key for this long: a time for each request, of which the last one is repeated."""
        self._refused[key] = list(seconds) or [3600]

    def store(self, key: Any = "phx_the_stores_own_key", **options: Any) -> MCPStore:
        client = httpx.AsyncClient(transport=httpx.MockTransport(self))
        return MCPStore(key, **{"http_client": client, "api_prefix": "projects", "max_retries": 0, **options})


@pytest.fixture
def users() -> Service:
    return Service()


async def ask(view: MCPStore) -> None:
    async with asyncio.timeout(5):
        await view.installations.retrieve(ID)


async def be_refused(view: MCPStore) -> RateLimitError:
    with pytest.raises(RateLimitError) as caught:
        await ask(view)
    return caught.value


async def has_to_wait(view: MCPStore) -> bool:
    """Whether a call waits for the rate limiter. It is cancelled then."""
    calling = asyncio.ensure_future(view.installations.retrieve(ID))
    await loop_rounds(20)
    if calling.done():
        calling.result()
        return False
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    return True


# Keys


async def test_a_view_sends_its_own_key_and_the_store_keeps_its(users: Service) -> None:
    async def bobs() -> str:
        return BOB

    store = users.store()

    for view in (store.with_options(api_key=ALICE), store.with_options(api_key=bobs).with_options(timeout=5), store):
        await ask(view)
    await ask(store.with_options(api_key=ALICE).with_options(max_retries=1))

    assert users.keys == [ALICE, BOB, "phx_the_stores_own_key", ALICE]


@pytest.mark.parametrize(
    ("key", "complaint"),
    [
        ("", "no API key"),
        ("phx_\N{SNOWMAN}_s3cret", "the API key has whitespace, control or non-ASCII characters"),
        (" phx_s3cret", "the API key has whitespace"),
        ("phc_s3cret", "the API key is a project's token"),
        (b"phx_s3cret", "no API key"),
        (7, "no API key"),
    ],
)
def test_a_key_that_is_not_valid_is_refused_at_once(users: Service, key: Any, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint) as caught:
        users.store().with_options(api_key=key)

    assert "s3cret" not in str(caught.value)


async def test_no_object_of_a_view_shows_the_key(users: Service) -> None:
    users.refuse(ALICE)
    view = users.store(rate_limiter=LocalRateLimiter()).with_options(api_key=ALICE)

    error = await be_refused(view)

    assert ALICE not in everything_said_by(error)
    assert ALICE not in repr([view, vars(view), view.installations, view.lowlevel])


# Cool-downs


async def test_a_429_of_one_user_holds_up_nobody_else(users: Service) -> None:
    users.refuse(ALICE)
    store = users.store()
    await be_refused(store.with_options(api_key=ALICE))

    await ask(store)
    await ask(store.with_options(api_key=BOB))
    held_up = await be_refused(store.with_options(api_key=ALICE, timeout=5))

    assert "was not sent" in str(held_up)
    assert Counter(users.keys)[ALICE] == 1


async def test_the_error_of_a_cool_down_quotes_the_users_own_refusal(users: Service) -> None:
    store = users.store()
    for key in (ALICE, BOB):
        users.refuse(key)
        await be_refused(store.with_options(api_key=key))

    details = [(await be_refused(store.with_options(api_key=key))).detail for key in (ALICE, BOB)]

    assert details == ["Not you, alice.", "Not you, f_bob."]
    assert len(users.keys) == 2


async def test_the_limits_of_one_user_are_apart_as_before(users: Service) -> None:
    users.refuse(ALICE)
    view = users.store().with_options(api_key=ALICE)
    await be_refused(view)

    with pytest.raises(RateLimitError):
        await view.installations.proxy(ID, PING)

    assert users.keys == [ALICE, ALICE]


async def test_the_stores_own_key_given_again_is_the_same_user(users: Service) -> None:
    users.refuse(ALICE)
    store = users.store(ALICE)
    await be_refused(store.with_options(api_key=ALICE))

    assert "was not sent" in str(await be_refused(store))


async def test_a_user_has_to_wait_although_no_view_was_left(users: Service) -> None:
    users.refuse(ALICE)
    store = users.store()
    await be_refused(store.with_options(api_key=ALICE))
    gc.collect()

    assert "was not sent" in str(await be_refused(store.with_options(api_key=ALICE)))


def test_a_user_has_to_wait_in_the_next_event_loop_too(users: Service) -> None:
    users.refuse(ALICE)
    store = users.store()

    for words in ("Not you", "was not sent"):
        error = asyncio.run(be_refused(store.with_options(api_key=ALICE)))
        gc.collect()
        assert words in str(error)


# Callables


class Keys:
    """Returns one key after another."""

    def __init__(self, *keys: str) -> None:
        self._keys = list(keys)

    def __call__(self) -> str:
        return self._keys.pop(0) if len(self._keys) > 1 else self._keys[0]


async def test_a_callable_is_one_user_whatever_it_returns(users: Service) -> None:
    users.refuse(ALICE)
    store, keys, other = users.store(), Keys(ALICE, BOB), Keys(ALICE, BOB)
    await be_refused(store.with_options(api_key=keys))

    assert "was not sent" in str(await be_refused(store.with_options(api_key=keys)))
    assert "Not you" in str(await be_refused(store.with_options(api_key=other)))
    await ask(store.with_options(api_key=BOB))


@frozen
class KeyOf:
    user: str

    def __call__(self) -> str:
        return self.user


@dataclass
class Session:
    """Neither hashable nor unique, as dataclasses are."""

    user: str

    def __call__(self) -> str:
        return self.user

    def key(self) -> str:
        return self.user


async def test_equal_callables_are_one_user(users: Service) -> None:
    users.refuse(ALICE)
    store, session = users.store(), Session(ALICE)
    await be_refused(store.with_options(api_key=KeyOf(ALICE)))
    await be_refused(store.with_options(api_key=session.key))

    assert "was not sent" in str(await be_refused(store.with_options(api_key=KeyOf(ALICE))))
    assert "was not sent" in str(await be_refused(store.with_options(api_key=session.key)))
    assert "Not you" in str(await be_refused(store.with_options(api_key=Session(ALICE).key)))
    await ask(store.with_options(api_key=KeyOf(BOB)))


async def test_a_callable_without_a_hash_is_a_user_of_its_own(users: Service) -> None:
    users.refuse(ALICE)
    store, session, equal = users.store(), Session(ALICE), Session(ALICE)
    await be_refused(store.with_options(api_key=session))

    assert "was not sent" in str(await be_refused(store.with_options(api_key=session)))
    assert "Not you" in str(await be_refused(store.with_options(api_key=equal)))


# What is left of a user


def when_gone(thing: object) -> asyncio.Event:
    """Set once a thing exists no more."""
    gone = asyncio.Event()
    weakref.finalize(thing, gone.set)
    return gone


async def test_nothing_is_left_of_a_view_that_was_dropped(users: Service) -> None:
    store, keys = users.store(rate_limiter=LocalRateLimiter({"default": [Rate(1, 3600)]})), KeyOf(ALICE)
    gone = when_gone(keys)
    await ask(store.with_options(api_key=keys))

    del keys
    gc.collect()

    assert gone.is_set()


async def test_an_object_that_gives_the_key_and_keeps_the_view_can_be_collected(users: Service) -> None:
    @define(eq=False)
    class Visitor:
        store: MCPStore

        def __attrs_post_init__(self) -> None:
            self.store = self.store.with_options(api_key=self.key)

        def key(self) -> str:
            return ALICE

    visitor = Visitor(users.store())
    gone = when_gone(visitor)
    await ask(visitor.store)

    del visitor
    gc.collect()

    assert gone.is_set()


async def test_a_user_is_kept_until_the_cool_down_is_over_and_no_longer(users: Service) -> None:
    store, keys = users.store(), KeyOf(ALICE)
    gone = when_gone(keys)
    users.refuse(ALICE, 1, 2)
    began = monotonic()
    await asyncio.gather(*(be_refused(store.with_options(api_key=keys)) for _ in range(2)))
    await loop_rounds(2)  # until the event loop has dropped the tasks

    del keys
    gc.collect()
    assert not gone.is_set()
    async with asyncio.timeout(5):
        await gone.wait()

    assert len(users.keys) == 2
    assert monotonic() - began >= 2


def test_a_user_is_let_go_in_the_next_event_loop(users: Service) -> None:
    store, keys = users.store(), KeyOf(ALICE)
    users.refuse(ALICE, 1)
    users.refuse(BOB)
    asyncio.run(be_refused(store.with_options(api_key=keys)))

    async def main(keys: KeyOf) -> None:
        gone = when_gone(keys)
        await be_refused(store.with_options(api_key=BOB))
        owned.clear()
        del keys
        gc.collect()
        async with asyncio.timeout(5):
            await gone.wait()

    owned = [keys]
    del keys
    asyncio.run(main(*owned))


def test_a_cool_down_keeps_no_store_that_was_dropped(users: Service) -> None:
    async def main() -> None:
        users.refuse(ALICE)
        store, keys = users.store(), KeyOf(ALICE)
        gone = when_gone(keys)
        await be_refused(store.with_options(api_key=keys))

        del store, keys
        gc.collect()

        assert gone.is_set()
        # The timer that would have ended the cool-down finds nobody.
        put_forward(3600)
        await loop_rounds(3)

    run_with_clock(main())


async def test_a_thousand_views_are_light(users: Service) -> None:
    store = users.store()
    keys = [f"phx_{number:040}" for number in range(1_000)]
    await ask(store.with_options(api_key=ALICE))
    tracemalloc.start()
    try:
        views = [store.with_options(api_key=key) for key in keys]
        for view in views:
            await view.installations.retrieve(ID)
        users.keys.clear()
        gc.collect()
        weight = tracemalloc.get_traced_memory()[0]
        del views, view
        gc.collect()
        left = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()

    assert weight < 1_500 * len(keys)
    assert left < 0.1 * weight  # the room that a dictionary has made for them


# Rate limiters


async def test_a_limiter_counts_the_calls_of_each_user(users: Service) -> None:
    store = users.store(rate_limiter=LocalRateLimiter({"default": [Rate(1, 3600)]}))

    assert not await has_to_wait(store)
    assert not await has_to_wait(store.with_options(api_key=ALICE))
    assert not await has_to_wait(store.with_options(api_key=BOB))
    gc.collect()
    assert await has_to_wait(store.with_options(api_key=ALICE))
    assert await has_to_wait(store)


async def test_a_limiter_counts_the_calls_of_a_callable_together(users: Service) -> None:
    store, keys = users.store(rate_limiter=LocalRateLimiter({"default": [Rate(2, 3600)]})), Keys(ALICE, BOB)
    view = store.with_options(api_key=keys)

    await ask(view)
    await ask(view)

    assert await has_to_wait(view)
    assert not await has_to_wait(store.with_options(api_key=BOB))


async def test_first_calls_at_once_of_a_callable_are_counted_together(users: Service) -> None:
    turns = [asyncio.Event(), asyncio.Event()]
    waiting = [(ALICE, turns[0]), (BOB, turns[1])]

    async def key() -> str:
        if not waiting:
            return ALICE
        given, turn = waiting.pop(0)
        await turn.wait()
        return given

    view = users.store(rate_limiter=LocalRateLimiter({"default": [Rate(1, 3600)]})).with_options(api_key=key)
    calls = [asyncio.ensure_future(view.installations.retrieve(ID)) for _ in range(2)]
    for turn in turns:
        await loop_rounds(10)
        turn.set()
    await loop_rounds(20)

    assert [call.done() for call in calls] == [True, False]
    calls[1].cancel()


async def test_stores_that_share_a_limiter_share_the_budget_of_a_user(users: Service) -> None:
    limiter = LocalRateLimiter({"default": [Rate(1, 3600)]})

    assert not await has_to_wait(users.store(ALICE, rate_limiter=limiter))
    assert await has_to_wait(users.store(rate_limiter=limiter).with_options(api_key=ALICE))


async def test_a_limiter_of_ones_own_is_shared_by_all_users(users: Service) -> None:
    class OneCall:
        room = 1

        async def acquire(self, scope: RateLimitScope, /) -> None:
            if not self.room:
                await asyncio.Event().wait()
            self.room -= 1

    store = users.store(rate_limiter=OneCall())

    assert not await has_to_wait(store.with_options(api_key=ALICE))
    assert await has_to_wait(store.with_options(api_key=BOB))


async def test_a_limiter_of_ones_own_may_give_each_user_a_part(users: Service) -> None:
    class Counting:
        def __init__(self, name: str = "") -> None:
            self.name = name

        async def acquire(self, scope: RateLimitScope, /) -> None:
            counted[self.name] += 1

        def for_owner(self, identity: str) -> "Counting":
            return Counting(identity)

    counted: Counter[str] = Counter()
    store = users.store(rate_limiter=Counting())
    for key in (ALICE, BOB, ALICE):
        await ask(store.with_options(api_key=key))

    assert sorted(counted.values()) == [1, 2]
    assert not any(key in name or name in key for name in counted for key in (ALICE, BOB))


async def test_budgets_of_which_no_call_counts_any_more_are_forgotten() -> None:
    limiter = LocalRateLimiter({"default": [Rate(5, 0.05)], "mcp_oauth": []})
    await limiter.acquire("default")
    budgets = []
    for number in range(1_000):
        budget = limiter.for_owner(str(number))
        await budget.acquire("default")
        budgets.append(weakref.ref(budget))
    last = weakref.finalize(budget, lambda: None)
    del budget

    async with asyncio.timeout(5):
        while last.alive:
            # What is not limited makes nobody forget.
            await limiter.acquire("mcp_oauth")
            await limiter.acquire("default")
    gc.collect()

    assert not any(budget() for budget in budgets)


async def test_a_budget_is_not_forgotten_while_its_calls_count() -> None:
    limiter = LocalRateLimiter({"default": [Rate(1, 3600)], "mcp_proxy": [Rate(1_000, 0.01)]})
    await limiter.for_owner("alice").acquire("default")
    async with asyncio.timeout(5):
        for _ in range(1_100):
            await limiter.for_owner("bob").acquire("mcp_proxy")
    gc.collect()

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await limiter.for_owner("alice").acquire("default")


# Polls


async def wait_in_vain(view: MCPStore) -> None:
    with pytest.raises(OAuthTimeoutError):
        await view.installations.wait_until_authorized(ID, timeout=0.3)


async def test_users_do_not_share_what_they_poll() -> None:
    keys: Counter[tuple[str, str]] = Counter()

    async def answer(request: httpx.Request) -> httpx.Response:
        key = request.headers["Authorization"].removeprefix("Bearer ")
        keys[key, request.url.path.rstrip("/").rpartition("/")[2]] += 1
        row = installation(pending_oauth=True)
        is_list = not request.url.path.endswith(f"/{ID}/")
        return httpx.Response(200, text=json.dumps({"count": 1, "next": None, "results": [row]} if is_list else row))

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        store = MCPStore(ALICE, http_client=client, api_prefix="projects")
        bobs = [store.with_options(api_key=BOB, timeout=each) for each in range(1, 5)]
        async with asyncio.timeout(5):
            await asyncio.gather(*(wait_in_vain(view) for view in (*[store] * 4, *bobs)))

    # The first three waits of each user poll separately, and the fourth begins to share.
    list_place = "mcp_server_installations"
    assert keys == {(ALICE, ID): 3, (BOB, ID): 3, (ALICE, list_place): 1, (BOB, list_place): 1}


# The host


async def test_what_was_learned_of_the_host_serves_every_user(service: EmbeddedService) -> None:
    row = service.add_installation()
    other = service.add_key(user="other@example.com").token

    async with open_store(service) as store:
        await store.installations.retrieve(row.id)
        service.requests.clear()
        await store.with_options(api_key=other).installations.list()

    assert [request.path.split("/")[2] for request in service.requests] == ["projects"]
