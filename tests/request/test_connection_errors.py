"""`with_options(on_connection_error=...)` is told of each attempt that got no response."""

import asyncio
import pickle
from collections.abc import Awaitable, Callable

import httpx
import pytest

from posthog_mcp_store import (
    APIConnectionError,
    APITimeoutError,
    ConnectionErrorInfo,
    MCPStore,
    ProxyCall,
    RateLimitScope,
    ResponseInfo,
)
from posthog_mcp_store.testing import EmbeddedService, Fault

from ..support.arrivals import Arrivals
from ..support.crash_report import everything_said_by
from ..support.factories import open_store
from ..support.wire import ID, Wire, installation

KEY = "phx_the_secret_key"
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
TEMPLATE = "mcp_server_installations/{id}/"
REFUSED = httpx.ConnectError("refused")
Faked = Callable[..., MCPStore]


@pytest.fixture
def told() -> list[ConnectionErrorInfo]:
    return []


async def test_each_attempt_without_a_response_is_told_and_no_other(
    service: EmbeddedService, store: MCPStore, told: list[ConnectionErrorInfo]
) -> None:
    row = service.add_installation()
    service.inject(Fault(reset="before", times=2))
    responses: list[ResponseInfo] = []
    view = store.with_options(on_connection_error=told.append, on_response=responses.append).with_options(timeout=5)

    await view.installations.retrieve(row.id)
    await view.installations.list()

    assert [(info.method, info.attempt, type(info.error)) for info in told] == [
        ("GET", 1, APIConnectionError),
        ("GET", 2, APIConnectionError),
    ]
    assert all(info.path_template.endswith(TEMPLATE) and info.installation_id == str(row.id) for info in told)
    assert all(info.seconds > 0 for info in told)
    assert [(info.attempt, info.installation_id) for info in responses] == [(3, str(row.id)), (1, None)]


async def test_a_timeout_is_told_with_the_error_that_is_raised(
    service: EmbeddedService, store: MCPStore, told: list[ConnectionErrorInfo]
) -> None:
    service.inject(Fault(delay=20.0))
    view = store.with_options(timeout=0.2, max_retries=0, on_connection_error=told.append)

    with pytest.raises(APITimeoutError) as caught:
        await view.installations.list()

    (info,) = told
    assert info.error is caught.value
    assert 0.1 < info.seconds < 10
    assert info.installation_id is None


async def test_an_attempt_that_the_deadline_ends_is_told(
    service: EmbeddedService, store: MCPStore, told: list[ConnectionErrorInfo]
) -> None:
    service.inject(Fault(delay=20.0))
    view = store.with_options(deadline=0.3, on_connection_error=told.append)

    with pytest.raises(APITimeoutError, match=r"deadline of 0\.3 s") as caught:
        await view.installations.retrieve(ID)

    (info,) = told
    assert (type(info.error), str(info.error)) == (APITimeoutError, str(caught.value))
    assert (info.attempt, info.installation_id) == (1, ID)
    assert 0.1 < info.seconds < 10


async def test_the_seconds_do_not_count_waiting_for_a_place_in_the_queue(
    service: EmbeddedService, told: list[ConnectionErrorInfo]
) -> None:
    service.inject(Fault(delay=20.0))
    async with open_store(service, max_concurrency=1) as store:
        arrivals = Arrivals(service)
        first = asyncio.create_task(store.with_options(deadline=5).installations.retrieve(ID))
        await arrivals.wait_for(1)

        with pytest.raises(APITimeoutError, match="deadline"):
            await store.with_options(deadline=0.2, on_connection_error=told.append).installations.retrieve(ID)

        first.cancel()
        await asyncio.wait((first,))
    assert [info.seconds for info in told] == [0.0]


async def test_a_call_that_ends_before_its_first_attempt_is_not_told(
    service: EmbeddedService, told: list[ConnectionErrorInfo]
) -> None:
    class Closed:
        async def acquire(self, scope: RateLimitScope, /) -> None:
            await asyncio.Event().wait()

    async with open_store(service, rate_limiter=Closed()) as store:
        with pytest.raises(APITimeoutError, match="deadline"):
            await store.with_options(deadline=0.1, on_connection_error=told.append).installations.retrieve(ID)

    assert told == []


async def test_a_cancelled_attempt_is_not_told(
    service: EmbeddedService, store: MCPStore, told: list[ConnectionErrorInfo]
) -> None:
    service.inject(Fault(delay=20.0))
    arrivals = Arrivals(service)
    view = store.with_options(deadline=60, on_connection_error=told.append)
    call = asyncio.create_task(view.installations.retrieve(ID))
    await arrivals.wait_for(1)

    call.cancel()
    await asyncio.wait((call,))

    assert call.cancelled()
    assert told == []


async def entered(call: ProxyCall) -> None:
    async with call:
        pytest.fail("there is no stream")


async def awaited(call: ProxyCall) -> None:
    await call


@pytest.mark.parametrize("use", [entered, awaited])
async def test_a_proxy_call_that_is_not_answered_is_told(
    wire: Wire, faked: Faked, told: list[ConnectionErrorInfo], use: Callable[[ProxyCall], Awaitable[None]]
) -> None:
    wire.answers(REFUSED)

    with pytest.raises(APIConnectionError):
        await use(faked().with_options(on_connection_error=told.append).installations.proxy(ID, PING))

    (info,) = told
    assert (info.method, info.installation_id, info.error.is_sent) == ("POST", ID, False)
    assert info.path_template.endswith(f"{TEMPLATE}proxy/")


async def test_a_redirect_that_leads_nowhere_is_told(wire: Wire, faked: Faked, told: list[ConnectionErrorInfo]) -> None:
    wire.answers(httpx.Response(307, headers={"Location": "/elsewhere/"}), REFUSED)
    responses: list[int] = []
    view = faked().with_options(
        on_response=lambda info: responses.append(info.status_code), on_connection_error=told.append
    )

    with pytest.raises(APIConnectionError):
        await view.installations.retrieve(ID)

    assert (responses, len(told)) == ([307], 1)


async def test_a_request_that_the_sdk_makes_of_its_own_accord_is_told(
    wire: Wire, faked: Faked, told: list[ConnectionErrorInfo]
) -> None:
    wire.answers(httpx.Response(401, json={"error": "Installation needs re-authentication"}), REFUSED)

    with pytest.raises(Exception, match="re-authentication"):
        await faked().with_options(on_connection_error=told.append).installations.proxy(ID, PING)

    assert [(info.method, info.path_template.endswith(TEMPLATE)) for info in told] == [("GET", True)]


def fail(_: object) -> None:
    raise LookupError("of the callback")


def raise_error_of(info: ConnectionErrorInfo) -> None:
    raise info.error


async def test_an_exception_in_the_callback_is_raised_by_the_call(wire: Wire, faked: Faked) -> None:
    wire.answers(REFUSED)

    with pytest.raises(LookupError, match="of the callback"):
        await faked(max_retries=2).with_options(on_connection_error=fail).installations.retrieve(ID)

    assert len(wire.requests) == 1


async def test_an_exception_in_the_callback_takes_the_place_of_the_deadlines_error(
    service: EmbeddedService, store: MCPStore
) -> None:
    service.inject(Fault(delay=20.0))

    with pytest.raises(LookupError, match="of the callback"):
        await store.with_options(deadline=0.2, on_connection_error=fail).installations.retrieve(ID)


async def test_a_callback_that_raises_the_error_ends_the_call(wire: Wire, faked: Faked) -> None:
    wire.answers(REFUSED)

    with pytest.raises(APIConnectionError):
        await faked(max_retries=2).with_options(on_connection_error=raise_error_of).installations.retrieve(ID)

    assert len(wire.requests) == 1


async def test_a_connection_error_of_the_other_callback_ends_the_call_too(wire: Wire, faked: Faked) -> None:
    def fail(_: object) -> None:
        raise APIConnectionError("the collector is down", method="POST", url="https://collector.example.com")

    with pytest.raises(APIConnectionError, match="collector"):
        await faked(max_retries=2).with_options(on_response=fail).installations.retrieve(ID)

    assert len(wire.requests) == 1


async def test_what_is_told_is_plain_data_without_the_key(
    wire: Wire, faked: Faked, told: list[ConnectionErrorInfo]
) -> None:
    wire.answers(httpx.RemoteProtocolError(f"illegal header line: {KEY}"), httpx.Response(200, json=installation()))
    store = faked(api_key=KEY, max_retries=1).with_options(on_connection_error=told.append)

    await store.installations.retrieve(ID)

    (info,) = told
    assert KEY not in everything_said_by(info.error) + repr(info)
    copied = pickle.loads(pickle.dumps(info))
    assert (copied.method, copied.attempt, str(copied.error)) == ("GET", 1, str(info.error))
