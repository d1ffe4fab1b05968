"""After a 429, all calls under the same limit wait, and no others."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from time import monotonic
from typing import Any

import httpx
import pytest

from posthog_mcp_store import APIStatusError, MCPStore, RateLimitError
from posthog_mcp_store._request.cooldown import STEP_SECONDS
from posthog_mcp_store.testing import EmbeddedService, Fault

from ..support.arrivals import Arrivals
from ..support.factories import open_store
from ..support.wire import ID, SERVER_ID, Wire, installation

PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


def arrivals(service: EmbeddedService, method: str = "GET") -> list[float]:
    return [request.received_at for request in service.requests if request.method == method]


async def be_refused(service: EmbeddedService, store: MCPStore, *, retry_after: int) -> None:
    """Let one call meet a 429."""
    service.inject(Fault(status=429, headers={"Retry-After": str(retry_after)}))
    with pytest.raises(RateLimitError):
        await store.with_options(max_retries=0).installations.retrieve(ID)


async def test_calls_that_come_after_a_429_wait_until_the_window_has_passed(
    service: EmbeddedService, store: MCPStore
) -> None:
    row = service.add_installation()
    await be_refused(service, store, retry_after=1)

    async with asyncio.timeout(10):
        await asyncio.gather(*(store.installations.retrieve(row.id) for _ in range(20)))

    refused, *others = arrivals(service)
    assert len(others) == 20
    assert min(others) - refused >= 0.99


async def test_after_the_window_calls_go_one_by_one(service: EmbeddedService, store: MCPStore) -> None:
    row = service.add_installation()
    await be_refused(service, store, retry_after=0)
    service.inject(Fault(delay=0.02, times=None))
    service.most_in_flight = 0

    async with asyncio.timeout(10):
        await asyncio.gather(*(store.installations.retrieve(row.id) for _ in range(10)))

    assert service.most_in_flight == 1


async def test_after_the_last_waiter_calls_no_longer_wait(service: EmbeddedService, store: MCPStore) -> None:
    row = service.add_installation()
    service.inject(Fault(status=429, headers={"Retry-After": "0"}))
    await store.installations.retrieve(row.id)
    service.inject(Fault(delay=0.1, times=None))
    service.most_in_flight = 0

    async with asyncio.timeout(10):
        await asyncio.gather(*(store.installations.retrieve(row.id) for _ in range(10)))

    assert service.most_in_flight > 1


async def test_a_slow_call_keeps_the_next_one_waiting_for_a_second_only(
    service: EmbeddedService, store: MCPStore
) -> None:
    row = service.add_installation()
    await be_refused(service, store, retry_after=0)
    service.inject(Fault(delay=3))

    began = monotonic()
    async with asyncio.timeout(10), asyncio.TaskGroup() as calls:
        calls.create_task(store.installations.retrieve(row.id))
        second = calls.create_task(store.installations.retrieve(row.id))
        await second
        _, first_at, second_at = arrivals(service)

    # The first may arrive late on a busy machine, but the second is never sent before its second is over.
    assert second_at - began >= 1
    assert second_at - first_at < 2


async def test_the_three_limits_are_apart(service: EmbeddedService, store: MCPStore) -> None:
    row = service.add_installation(server=service.add_oauth_server())
    service.inject(Fault(path="/proxy", status=429, headers={"Retry-After": "50"}))
    with pytest.raises(RateLimitError):
        await store.with_options(max_retries=0).installations.proxy(row.id, PING)

    async with asyncio.timeout(5):
        await store.installations.retrieve(row.id)
        await store.installations.authorize(row.id)
        await store.installations.install_custom(name="a", url="https://a.example.com/mcp", auth_type="api_key")


async def test_install_and_authorize_share_one_limit(wire: Wire, faked: Callable[..., MCPStore]) -> None:
    wire.answers(httpx.Response(429, headers={"Retry-After": "600"}))
    store = faked()

    for call in (
        store.installations.authorize(server_id=SERVER_ID),
        store.installations.install_custom(name="a", url="https://a.example.com", auth_type="oauth"),
    ):
        with pytest.raises(RateLimitError):
            await call

    assert len(wire.requests) == 1


async def test_a_wait_that_is_too_long_is_raised_without_sending(wire: Wire, faked: Callable[..., MCPStore]) -> None:
    body = {"type": "throttled_error", "code": "throttled", "detail": "Request was throttled.", "attr": None}
    wire.answers(httpx.Response(429, json=body, headers={"Retry-After": "600"}))
    store = faked()
    with pytest.raises(RateLimitError):
        await store.installations.retrieve(ID)

    with pytest.raises(RateLimitError, match="was not sent") as caught:
        await store.installations.delete(ID)

    assert len(wire.requests) == 1
    assert caught.value.retry_after == pytest.approx(600, abs=5)
    assert (caught.value.status_code, caught.value.method, caught.value.code) == (429, "DELETE", "throttled")


async def test_a_wait_beyond_the_deadline_is_raised_without_sending(service: EmbeddedService, store: MCPStore) -> None:
    await be_refused(service, store, retry_after=30)

    began = monotonic()
    with pytest.raises(RateLimitError, match="was not sent"):
        await store.with_options(deadline=20).installations.retrieve(ID)

    assert monotonic() - began < 10


@pytest.mark.parametrize("retry_after", ["0", "0.001", "Thu, 01 Jan 1970 00:00:00 GMT", None])
async def test_calls_do_not_hammer_a_service_that_asks_for_no_wait(
    service: EmbeddedService, store: MCPStore, retry_after: str | None
) -> None:
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    service.inject(Fault(status=429, headers=headers, times=None))
    arriving = Arrivals(service)
    calls = [asyncio.create_task(store.installations.retrieve(ID)) for _ in range(50)]

    for expected in (50, 1, 1, 1):
        await arriving.wait_for(expected)
    for call in calls:
        call.cancel()
    await asyncio.wait(calls)

    # Each was on its way before the first was refused. From then on, they go one by one, after a wait: that of 50 calls
    # is the longest of 50 random ones up to half a second.
    times = arrivals(service)
    assert len(times) <= 50 + 12
    assert times[52] - times[0] > 0.4


async def test_queued_calls_fail_when_the_wait_becomes_too_long(service: EmbeddedService, store: MCPStore) -> None:
    await be_refused(service, store, retry_after=0)
    service.inject(Fault(status=429, headers={"Retry-After": "600"}, times=None))

    async with asyncio.timeout(5):
        outcomes = await asyncio.gather(*(store.installations.retrieve(ID) for _ in range(10)), return_exceptions=True)

    assert all(isinstance(outcome, RateLimitError) for outcome in outcomes)
    assert len(service.requests) == 2


async def test_a_call_in_line_can_be_cancelled_and_others_take_its_place(
    service: EmbeddedService, store: MCPStore
) -> None:
    row = service.add_installation()
    await be_refused(service, store, retry_after=1)
    calls = [asyncio.create_task(store.installations.retrieve(row.id)) for _ in range(4)]
    await asyncio.sleep(0)

    for call in calls[:3]:
        call.cancel()

    async with asyncio.timeout(10):
        assert (await calls[3]).id == row.id
    assert all(call.cancelled() for call in calls[:3])
    assert len(service.requests) == 2


async def test_a_throttling_service_takes_all_calls_in_the_end(service: EmbeddedService, store: MCPStore) -> None:
    row = service.add_installation()
    service.throttle(default=[(10, 1.0)])
    statuses: list[int] = []
    view = store.with_options(on_response=lambda info: statuses.append(info.status_code))

    async with asyncio.timeout(20):
        await asyncio.gather(*(view.installations.retrieve(row.id) for _ in range(30)))

    assert statuses.count(200) == 30
    # All but the first ten of the rush are refused once; after that, one call a window finds out.
    assert statuses.count(429) <= 20 + 5


async def test_an_absurd_wait_does_not_shut_a_store_forever(wire: Wire, faked: Callable[..., MCPStore]) -> None:
    wire.answers(httpx.Response(429, headers={"Retry-After": "999999999999"}))
    store = faked()
    with pytest.raises(RateLimitError):
        await store.installations.retrieve(ID)

    with pytest.raises(RateLimitError, match="was not sent") as caught:
        await store.installations.retrieve(ID)

    assert caught.value.retry_after is not None
    assert caught.value.retry_after <= 3600


def test_a_line_does_not_outlive_its_event_loop(service: EmbeddedService) -> None:
    store = open_store(service, max_retries=0)
    row = service.add_installation()
    service.inject(Fault(status=429, headers={"Retry-After": "1"}))

    async def refused() -> None:
        with pytest.raises(RateLimitError):
            await store.installations.retrieve(row.id)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(store.installations.retrieve(row.id), 0.01)

    async def taken() -> None:
        async with asyncio.timeout(5), store:
            await asyncio.gather(*(store.installations.retrieve(row.id) for _ in range(3)))

    asyncio.run(refused())
    asyncio.run(taken())

    assert len(service.requests) == 4


async def test_a_call_keeps_the_head_of_the_queue_while_it_is_sent_again() -> None:
    """Its refused token refresh is checked by a look at the installation, and it is sent once more."""
    sent: list[str] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        name = request.headers.get("X-Name", "first")
        sent.append(f"{name} {request.method}")
        if name == "refused":
            return httpx.Response(429, headers={"Retry-After": "1"})
        if request.method == "GET":
            await asyncio.sleep(STEP_SECONDS / 2)  # the service's own time
            return httpx.Response(200, json=installation())
        if name == "head" and sent.count("head POST") == 1:
            await asyncio.sleep(STEP_SECONDS * 0.75)
            return httpx.Response(401, json={"error": "Installation needs re-authentication"})
        return httpx.Response(200, json={"jsonrpc": "2.0", "id": 1, "result": {}})

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        store = MCPStore("phx_key", http_client=client, max_retries=0, api_prefix="projects")

        def ping(name: str) -> Coroutine[Any, Any, object]:
            return store.with_options(headers={"X-Name": name}).installations.proxy(ID, PING)

        with pytest.raises(RateLimitError):
            await ping("refused")
        await asyncio.gather(*(asyncio.ensure_future(ping(name)) for name in ("head", "next")))

    assert sent == ["refused POST", "head POST", "head GET", "head POST", "next POST"]


class Pacer:
    """Notes what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def acquire(self, scope: str, /) -> None:
        self.asked.append(scope)


CALLS: dict[str, tuple[str, Callable[[MCPStore], Awaitable[object]]]] = {
    "list": ("default", lambda store: store.installations.list()),
    "tools": ("default", lambda store: store.installations.tools(ID)),
    "update_tool": ("default", lambda store: store.installations.update_tool(ID, "a", approval_state="approved")),
    "available_tools": ("default", lambda store: store.installations.available_tools()),
    "share": ("default", lambda store: store.installations.share(ID)),
    "catalogue": ("default", lambda store: store.templates.list()),
    "authorize": ("mcp_oauth", lambda store: store.installations.authorize(ID)),
    "install_template": ("mcp_oauth", lambda store: store.installations.install_template(ID)),
    "install_custom": (
        "mcp_oauth",
        lambda store: store.installations.install_custom(name="a", url="https://a.example.com", auth_type="oauth"),
    ),
    "refresh_tools": ("mcp_oauth", lambda store: store.installations.refresh_tools(ID)),
    "proxy": ("mcp_proxy", lambda store: store.installations.proxy(ID, PING)),
    "call_tool": ("mcp_proxy", lambda store: store.installations.call_tool(ID, "add")),
}


@pytest.mark.parametrize("name", CALLS)
async def test_each_call_counts_under_the_limit_of_its_operation(
    wire: Wire, faked: Callable[..., MCPStore], name: str
) -> None:
    scope, call = CALLS[name]
    wire.answers(httpx.Response(400, json={"detail": "no"}))
    pacer = Pacer()

    with pytest.raises(APIStatusError):
        await call(faked(rate_limiter=pacer))

    assert pacer.asked == [scope]


async def test_a_rate_limiter_is_asked_before_every_attempt(service: EmbeddedService) -> None:
    row = service.add_installation(server=service.add_oauth_server())
    service.inject(Fault(status=503, headers={"Retry-After": "0"}))
    pacer = Pacer()

    async with open_store(service, rate_limiter=pacer) as store:
        await store.installations.retrieve(row.id)
        await store.installations.authorize(row.id)
        with pytest.raises(Exception, match="unreachable"):
            await store.installations.proxy(row.id, PING)

    assert pacer.asked == ["default", "default", "mcp_oauth", "mcp_proxy"]
