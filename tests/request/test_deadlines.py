"""Deadlines, timeouts and cancellation: a call ends in time, and leaves nothing open."""

import asyncio
import random
from time import monotonic

import httpx
import pytest

from posthog_mcp_store import APITimeoutError, LocalRateLimiter, MCPStore, NotFoundError, Rate, RateLimitError
from posthog_mcp_store.testing import EmbeddedService, Fault

from ..support.arrivals import Arrivals
from ..support.certificates import NO_CERTIFICATES
from ..support.event_loop import loop_rounds
from ..support.factories import open_store
from ..support.serving import read_request, store_on
from ..support.wire import ID

PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


@pytest.fixture(params=["the SDK's connections", "a client of the user's own"])
async def any_store(request: pytest.FixtureRequest, service: EmbeddedService) -> object:
    """A store on either kind of connections."""
    async with httpx.AsyncClient(verify=NO_CERTIFICATES) as client:
        own = client if request.param == "a client of the user's own" else None
        async with open_store(service, http_client=own) as store:
            yield store


async def seconds_until_deadline(store: MCPStore, deadline: float) -> float:
    began = monotonic()
    with pytest.raises(APITimeoutError, match=f"deadline of {deadline:g} s"):
        await store.with_options(deadline=deadline).installations.retrieve(ID)
    return monotonic() - began


async def test_a_deadline_ends_a_body_that_drips(service: EmbeddedService, any_store: MCPStore) -> None:
    service.inject(Fault(body="x" * 60, drip=1.0, times=None))

    assert 2.0 <= await seconds_until_deadline(any_store, 2) < 20


async def test_a_deadline_ends_a_wait_for_the_head(service: EmbeddedService, any_store: MCPStore) -> None:
    service.inject(Fault(delay=20.0))

    assert 0.3 <= await seconds_until_deadline(any_store, 0.3) < 5
    service.faults.clear()


async def test_a_deadline_ends_the_attempts_together(service: EmbeddedService, any_store: MCPStore) -> None:
    # The second attempt is under way at the deadline, even if loading the HTTP library delays the first one.
    service.inject(Fault(status=503, delay=0.6, headers={"Retry-After": "0.1"}, times=None))
    view = any_store.with_options(max_retries=99)

    assert 1.0 <= await seconds_until_deadline(view, 1) < 5


async def test_a_deadline_ends_waiting_in_the_queue(service: EmbeddedService) -> None:
    service.inject(Fault(delay=20.0, times=None))
    async with open_store(service, max_concurrency=1) as store:
        first = asyncio.create_task(store.installations.list().collect())
        await asyncio.sleep(0)

        assert 0.2 <= await seconds_until_deadline(store, 0.2) < 10
        first.cancel()
        await asyncio.wait((first,))


async def test_a_deadline_ends_waiting_for_the_key() -> None:
    async def never() -> str:
        await asyncio.Event().wait()
        return ""

    async with MCPStore(never) as store:
        assert 0.1 <= await seconds_until_deadline(store, 0.1) < 5
        assert not await is_sent_at_the_deadline(store)


async def is_sent_at_the_deadline(store: MCPStore) -> bool:
    """What the error says about a tool call that a deadline ends."""
    with pytest.raises(APITimeoutError, match="deadline") as caught:
        await store.with_options(deadline=0.3).installations.call_tool(ID, "add")
    return caught.value.is_sent


async def test_a_call_that_waits_for_a_rate_limiter_was_not_sent(service: EmbeddedService) -> None:
    async with open_store(service, rate_limiter=LocalRateLimiter({"mcp_proxy": [Rate(1, 60)]})) as store:
        with pytest.raises(NotFoundError):
            await store.installations.call_tool(ID, "add")
        service.requests.clear()

        assert not await is_sent_at_the_deadline(store)
    assert service.requests == []


async def test_a_call_that_waits_for_others_after_a_429_was_not_sent(service: EmbeddedService) -> None:
    service.inject(Fault(status=429, headers={"Retry-After": "0"}))
    service.inject(Fault(delay=20.0))
    async with open_store(service) as store:
        with pytest.raises(RateLimitError):
            await store.with_options(max_retries=0).installations.call_tool(ID, "add")
        arrivals = Arrivals(service)
        head = asyncio.create_task(store.with_options(deadline=2).installations.call_tool(ID, "add"))
        await arrivals.wait_for(1)
        service.requests.clear()

        assert not await is_sent_at_the_deadline(store)
        assert service.requests == []
        with pytest.raises(APITimeoutError) as caught:
            await head
    assert caught.value.is_sent


@pytest.mark.parametrize(
    ("fault", "is_sent"),
    [(Fault(reset="after"), True), (Fault(status=429, headers={"Retry-After": "0.1"}), False)],
    ids=["lost", "refused"],
)
async def test_an_error_while_a_call_waits_to_be_repeated_tells_what_happened_before(
    service: EmbeddedService, fault: Fault, is_sent: bool
) -> None:
    keys = [service.api_key]

    async def once() -> str:
        return keys.pop() if keys else await asyncio.Future()

    service.inject(fault)
    async with MCPStore(once, host=service.base_url) as store:
        with pytest.raises(APITimeoutError, match="deadline") as caught:
            await store.with_options(deadline=2).installations.retrieve(ID)

    assert (caught.value.is_sent, fault.hits) == (is_sent, 1)


async def test_a_timeout_is_for_each_step_of_the_network(service: EmbeddedService, any_store: MCPStore) -> None:
    service.inject(Fault(delay=20.0, times=None))
    view = any_store.with_options(timeout=0.5, max_retries=0)

    with pytest.raises(APITimeoutError, match=r"ReadTimeout, timeout 0\.5 s") as caught:
        await view.installations.retrieve(ID)

    assert caught.value.is_sent
    service.faults.clear()


async def test_a_call_within_its_deadline_is_not_disturbed(service: EmbeddedService, any_store: MCPStore) -> None:
    row = service.add_installation()

    assert (await any_store.with_options(deadline=10).installations.retrieve(row.id)).id == row.id


async def cancelled_promptly(call: "asyncio.Task[object]") -> bool:
    began = monotonic()
    call.cancel()
    async with asyncio.timeout(5):
        with pytest.raises(asyncio.CancelledError):
            await call
    return monotonic() - began < 2


async def test_a_call_is_cancelled_while_it_waits_for_its_response(
    service: EmbeddedService, any_store: MCPStore
) -> None:
    arrivals = Arrivals(service)
    service.inject(Fault(delay=20.0))
    call: asyncio.Task[object] = asyncio.create_task(any_store.installations.retrieve(ID))
    await arrivals.wait_for(1)

    assert await cancelled_promptly(call)


@pytest.mark.parametrize("kind", ["httpx", "client", "aiohttp"])
async def test_a_call_is_cancelled_while_it_reads_and_its_connection_is_closed(kind: str) -> None:
    half_sent, ended = asyncio.Event(), asyncio.Event()

    async def send_half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + b"x" * 50)
        half_sent.set()
        await reader.read()
        ended.set()

    async with store_on(kind, send_half) as store, asyncio.timeout(5):
        call: asyncio.Task[object] = asyncio.create_task(store.installations.retrieve(ID))
        await half_sent.wait()
        await loop_rounds(20)

        assert await cancelled_promptly(call)
        await ended.wait()


async def test_a_call_is_cancelled_while_it_queues_and_sends_nothing(service: EmbeddedService) -> None:
    arrivals = Arrivals(service)
    service.inject(Fault(delay=20.0))
    async with open_store(service, max_concurrency=1) as store:
        first = asyncio.create_task(store.installations.retrieve(ID))
        await arrivals.wait_for(1)
        second: asyncio.Task[object] = asyncio.create_task(store.installations.retrieve(ID))
        await asyncio.sleep(0)

        assert await cancelled_promptly(second)
        first.cancel()
        await asyncio.wait((first,))

    assert len(service.requests) == 1


@pytest.mark.parametrize("is_new", [False, True])
async def test_a_call_that_is_cancelled_while_it_waits_for_a_connection_is_never_sent(
    service: EmbeddedService, is_new: bool
) -> None:
    row = service.add_installation()
    service.inject(Fault(delay=2.0, headers={"Connection": "close"} if is_new else {}))
    limits = httpx.Limits(max_connections=1)
    async with httpx.AsyncClient(limits=limits) as client, open_store(service, http_client=client) as store:
        arrivals = Arrivals(service)
        first = asyncio.create_task(store.installations.retrieve(row.id))
        await arrivals.wait_for(1)
        others = [asyncio.create_task(store.installations.delete(row.id)) for _ in range(5)]
        await loop_rounds(20)
        for other in others:
            assert await cancelled_promptly(other)
        assert not first.done()
        await first

        async with asyncio.timeout(10):
            assert (await store.installations.retrieve(row.id)).id == row.id

    assert [request.method for request in service.requests] == ["GET", "GET"]


async def test_a_call_is_cancelled_while_it_waits_to_try_again(service: EmbeddedService, any_store: MCPStore) -> None:
    service.inject(Fault(status=503, headers={"Retry-After": "30"}))
    answered = asyncio.Event()
    view = any_store.with_options(on_response=lambda _: answered.set())
    call: asyncio.Task[object] = asyncio.create_task(view.installations.retrieve(ID))
    async with asyncio.timeout(5):
        await answered.wait()

    assert await cancelled_promptly(call)


@pytest.mark.parametrize("is_own", [False, True])
async def test_connections_survive_a_storm_of_cancellations(service: EmbeddedService, is_own: bool) -> None:
    """httpcore 1.0.9 alone ends with connections that are in use forever, and sends nothing any more."""
    row = service.add_installation()
    service.inject(Fault(delay=0.01, times=None))
    rng = random.Random(1)
    client = httpx.AsyncClient(limits=httpx.Limits(max_connections=20))
    async with (
        client,
        open_store(service, http_client=client if is_own else None) as store,
    ):

        async def worker() -> None:
            for _ in range(20):
                call = asyncio.create_task(store.installations.retrieve(row.id))
                await asyncio.wait((call,), timeout=rng.uniform(0.0005, 0.05))
                call.cancel()
                await asyncio.wait((call,))

        await asyncio.gather(*(worker() for _ in range(30)))
        async with asyncio.timeout(10):
            found = await asyncio.gather(*(store.installations.retrieve(row.id) for _ in range(20)))

    assert {installation.id for installation in found} == {row.id}


async def test_an_abandoned_attempt_ends_within_its_timeout(service: EmbeddedService) -> None:
    """An attempt over a user's client outlives its caller until the head of its response comes; not forever."""
    service.inject(Fault(delay=30.0))
    async with (
        httpx.AsyncClient(verify=NO_CERTIFICATES) as client,
        open_store(service, http_client=client, timeout=1, max_concurrency=1, max_retries=0) as store,
    ):
        await seconds_until_deadline(store, 0.1)
        row = service.add_installation()

        async with asyncio.timeout(10):
            assert (await store.installations.retrieve(row.id)).id == row.id


async def test_nothing_reads_the_body_of_an_abandoned_response(service: EmbeddedService) -> None:
    service.inject(Fault(delay=0.2, body="x" * 100, drip=1.0))
    async with (
        httpx.AsyncClient(verify=NO_CERTIFICATES) as client,
        open_store(service, http_client=client, max_concurrency=1, max_retries=0) as store,
    ):
        await seconds_until_deadline(store, 0.1)
        row = service.add_installation()

        async with asyncio.timeout(10):
            assert (await store.installations.retrieve(row.id)).id == row.id


async def test_a_timeout_of_an_attempt_is_raised_as_such_within_a_deadline(
    service: EmbeddedService, any_store: MCPStore
) -> None:
    await any_store.installations.list()  # opens the connection
    service.inject(Fault(delay=1.0))

    with pytest.raises(APITimeoutError, match="ReadTimeout"):
        await any_store.with_options(timeout=0.1, deadline=5, max_retries=0).installations.retrieve(ID)
