"""Calls are retried where that may help and can do no harm."""

import asyncio
import pickle
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from time import monotonic

import httpx
import pytest
from attrs import frozen
from hypothesis import given, settings
from hypothesis import strategies as st

from posthog_mcp_store import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    Headers,
    MCPStore,
    MCPStoreError,
    NotFoundError,
    RateLimitError,
    ResponseDecodeError,
    ServerError,
    UpstreamError,
)
from posthog_mcp_store._request.retry import MIN_RETRY_AFTER, retry_delay
from posthog_mcp_store.testing import EmbeddedService, Fault

from ..support.factories import open_store
from ..support.wire import ID, Wire, installation

SOON = {"Retry-After": "0.1"}
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
PASSING = [408, 429, 500, 502, 503, 504, 520, 599]
LASTING = [400, 401, 403, 404, 405, 409, 413, 418, 451, 499]


@frozen
class Policy:
    max_retries: int
    max_retry_after: float


def methods(service: EmbeddedService) -> list[str]:
    return [request.method for request in service.requests]


@pytest.mark.parametrize("status", PASSING)
async def test_a_transient_error_is_retried(service: EmbeddedService, store: MCPStore, status: int) -> None:
    row = service.add_installation()
    service.inject(Fault(status=status, headers=SOON, times=2))

    assert (await store.installations.retrieve(row.id)).id == row.id
    assert (await store.installations.update(row.id, is_enabled=False)).is_enabled is False
    assert methods(service) == ["GET", "GET", "GET", "PATCH"]


@pytest.mark.parametrize("status", LASTING)
async def test_a_permanent_error_is_not_retried(service: EmbeddedService, status: int) -> None:
    service.inject(Fault(status=status, headers=SOON, times=None))

    async with open_store(service, api_prefix="projects") as store:
        with pytest.raises(APIStatusError) as caught:
            await store.installations.retrieve(ID)

    assert caught.value.status_code == status
    assert methods(service) == ["GET"]


@pytest.mark.parametrize("reset", ["before", "after", "inside"])
async def test_a_lost_connection_does_not_end_reading(service: EmbeddedService, store: MCPStore, reset: str) -> None:
    row = service.add_installation()
    service.inject(Fault(reset=reset))  # type: ignore[arg-type]

    assert (await store.installations.retrieve(row.id)).id == row.id
    assert methods(service) == ["GET", "GET"]


async def test_a_truncated_response_is_requested_again(service: EmbeddedService, store: MCPStore) -> None:
    row = service.add_installation()
    service.inject(Fault(truncate=True))

    assert (await store.installations.retrieve(row.id)).id == row.id
    assert methods(service) == ["GET", "GET"]


@pytest.mark.parametrize("status", [500, 502, 503, 408])
async def test_a_post_that_may_have_been_acted_on_is_never_sent_twice(
    service: EmbeddedService, store: MCPStore, status: int
) -> None:
    service.inject(Fault(status=status, headers=SOON, takes_effect=True))

    with pytest.raises(MCPStoreError):
        await store.installations.install_custom(name="a", url="https://a.example.com/mcp", auth_type="api_key")

    assert methods(service) == ["POST"]
    assert len(service.installations) == 1


@pytest.mark.parametrize("reset", ["before", "after", "inside"])
async def test_a_post_whose_response_was_lost_is_never_sent_twice(
    service: EmbeddedService, store: MCPStore, reset: str
) -> None:
    service.inject(Fault(reset=reset))  # type: ignore[arg-type]

    with pytest.raises(APIConnectionError) as caught:
        await store.installations.proxy(ID, PING)

    assert caught.value.is_sent
    assert methods(service) == ["POST"]


async def test_a_post_that_the_service_refused_to_take_is_sent_again(service: EmbeddedService, store: MCPStore) -> None:
    service.inject(Fault(status=429, headers=SOON, times=2))

    await store.installations.install_custom(name="a", url="https://a.example.com/mcp", auth_type="api_key")

    assert methods(service) == ["POST"] * 3
    assert len(service.installations) == 1


@pytest.mark.parametrize("failure", [httpx.ConnectError("refused"), httpx.ConnectTimeout("slow")])
async def test_a_post_that_never_left_is_sent_again(
    wire: Wire, faked: Callable[..., MCPStore], failure: Exception
) -> None:
    wire.answers(failure, httpx.Response(201, json=installation()))

    await faked(max_retries=1).installations.install_custom(name="a", url="https://a.example.com", auth_type="api_key")

    assert len(wire.requests) == 2


@pytest.mark.parametrize("failure", [httpx.ReadError("cut"), httpx.WriteError("cut"), httpx.ReadTimeout("slow")])
async def test_a_post_that_may_have_left_is_not(wire: Wire, faked: Callable[..., MCPStore], failure: Exception) -> None:
    wire.answers(failure)

    with pytest.raises(APIConnectionError):
        await faked(max_retries=5).installations.proxy(ID, PING)

    assert len(wire.requests) == 1


async def test_a_429_of_the_mcp_server_is_its_own_and_is_not_sent_again(
    wire: Wire, faked: Callable[..., MCPStore]
) -> None:
    wire.answers(httpx.Response(429, json={"message": "slow down"}))

    with pytest.raises(UpstreamError):
        await faked(max_retries=5).installations.proxy(ID, PING)

    assert len(wire.requests) == 1


async def test_retries_end(service: EmbeddedService, store: MCPStore) -> None:
    service.inject(Fault(status=503, headers=SOON, times=None))

    with pytest.raises(ServerError):
        await store.installations.retrieve(ID)
    with pytest.raises(ServerError):
        await store.with_options(max_retries=4).installations.retrieve(ID)

    assert methods(service) == ["GET"] * (3 + 5)


async def test_without_retries_the_first_failure_is_the_last_word(service: EmbeddedService) -> None:
    service.inject(Fault(status=503, headers=SOON, times=None))

    async with open_store(service, max_retries=0) as store:
        with pytest.raises(ServerError):
            await store.installations.retrieve(ID)

    assert methods(service) == ["GET"]


@pytest.mark.parametrize("fault", [Fault(reset="after"), Fault(status=502, headers=SOON, takes_effect=True)])
async def test_a_deletion_whose_response_was_lost_has_succeeded(
    service: EmbeddedService, store: MCPStore, fault: Fault
) -> None:
    row = service.add_installation()
    service.inject(fault)

    await store.installations.delete(row.id)

    assert service.installations == []
    assert methods(service) == ["DELETE", "DELETE"]


async def test_a_deletion_whose_path_is_gone_has_not_succeeded(wire: Wire, faked: Callable[..., MCPStore]) -> None:
    gone = {"type": "invalid_request", "code": "not_found", "detail": "Endpoint not found.", "attr": None}
    wire.answers(httpx.Response(503, headers=SOON), httpx.Response(404, json=gone))

    with pytest.raises(NotFoundError, match="too old for this operation"):
        await faked(max_retries=2).installations.delete(ID)


async def test_a_deletion_that_was_refused_before_finds_what_was_never_there(
    service: EmbeddedService, store: MCPStore
) -> None:
    service.inject(Fault(status=429, headers=SOON))

    with pytest.raises(NotFoundError):
        await store.installations.delete(ID)


async def test_a_reading_that_finds_nothing_the_second_time_found_nothing(
    service: EmbeddedService, store: MCPStore
) -> None:
    service.inject(Fault(status=502, headers=SOON))

    with pytest.raises(NotFoundError):
        await store.installations.retrieve(ID)


async def test_a_response_that_cannot_be_read_is_not_requested_again(service: EmbeddedService, store: MCPStore) -> None:
    service.inject(Fault(body="<html>", times=None))

    with pytest.raises(ResponseDecodeError):
        await store.installations.retrieve(ID)

    assert methods(service) == ["GET"]


@pytest.mark.parametrize(
    "retry_after",
    [
        "61",
        "3600",
        "99999999999",
        "9" * 23,
        pytest.param("9" * 5000, id="5,000 digits"),
        f"{'9' * 23}.5",
        pytest.param(format_datetime(datetime.now(UTC) + timedelta(days=9)), id="in nine days"),
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Fri, 31 Dec 9999 23:59:59 -2359",
    ],
)
async def test_a_wait_longer_than_the_limit_is_raised_at_once(
    service: EmbeddedService, store: MCPStore, retry_after: str
) -> None:
    service.inject(Fault(status=503, headers={"Retry-After": retry_after}, times=None))

    with pytest.raises(ServerError) as caught:
        await store.installations.retrieve(ID)

    assert caught.value.retry_after is not None
    assert 60 < caught.value.retry_after <= 1e9
    assert datetime.now(UTC) + timedelta(seconds=caught.value.retry_after) > datetime.now(UTC)
    assert pickle.loads(pickle.dumps(caught.value)).retry_after == caught.value.retry_after
    assert methods(service) == ["GET"]


@pytest.mark.parametrize("digits", [23, 5000])
async def test_a_429_with_a_number_of_any_length_is_raised_at_once(
    wire: Wire, faked: Callable[..., MCPStore], digits: int
) -> None:
    wire.answers(httpx.Response(429, headers={"Retry-After": "9" * digits}))
    store = faked(max_retries=5)

    for words in ("429 from GET", "was not sent: .* in 3600 s"):
        with pytest.raises(RateLimitError, match=words) as caught:
            await store.installations.retrieve(ID)
        assert pickle.loads(pickle.dumps(caught.value)).retry_after == caught.value.retry_after
    assert len(wire.requests) == 1


async def test_the_cap_is_a_setting(service: EmbeddedService) -> None:
    service.inject(Fault(status=503, headers={"Retry-After": "2"}, times=None))

    async with open_store(service, max_retry_after=1.5) as store:
        with pytest.raises(ServerError) as caught:
            await store.installations.retrieve(ID)

    assert caught.value.retry_after == 2
    assert methods(service) == ["GET"]


async def test_a_wait_longer_than_the_deadline_is_raised_at_once(service: EmbeddedService, store: MCPStore) -> None:
    service.inject(Fault(status=503, headers={"Retry-After": "5"}, times=None))

    with pytest.raises(ServerError) as caught:
        await store.with_options(deadline=2).installations.retrieve(ID)

    assert caught.value.retry_after == 5


async def test_the_service_says_how_long_to_wait(service: EmbeddedService, store: MCPStore) -> None:
    row = service.add_installation()
    service.inject(Fault(status=503, headers={"Retry-After": "0.3"}))

    await store.installations.retrieve(row.id)

    first, second = service.requests
    assert 0.3 <= second.received_at - first.received_at < 3


NO_WAIT = ["0", "00", "0.0", "0.001", "-5", "-0", "+5", "0x10", "1e3", "5 s", "1,5", "\xb2", "inf", "soon", "", "Never"]
NO_WAIT += ["Thu, 01 Jan 1970 00:00:00 GMT", "Mon, 01 Jan 0001 00:00:00 GMT", "Sunday, 06-Nov-94 08:49:37 GMT"]


async def test_no_wait_asked_for_is_the_usual_backoff() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        retry_after = NO_WAIT[int(request.headers["X-Case"])]
        return httpx.Response(503, headers=[(b"Retry-After", retry_after.encode("latin-1"))])

    async def seconds(store: MCPStore, case: int) -> float:
        times: list[float] = []
        view = store.with_options(headers={"X-Case": str(case)}, on_response=lambda _: times.append(monotonic()))
        with pytest.raises(ServerError):
            await view.installations.retrieve(ID)
        assert len(times) == 5
        return times[-1] - times[0]

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        store = MCPStore("phx_key", http_client=client, max_retries=4)
        took = await asyncio.gather(*(seconds(store, case) for case in range(len(NO_WAIT))))

    # Up to 0.5, 1, 2 and 4 seconds, with full jitter.
    assert all(0.1 < each < 8 for each in took)


DATE_FORMS = ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y"]


@pytest.mark.parametrize("away", [timedelta(days=-700), timedelta(hours=-1), timedelta(0), timedelta(hours=1)], ids=str)
@pytest.mark.parametrize("form", DATE_FORMS)
async def test_a_date_is_measured_from_that_of_the_response(
    wire: Wire, faked: Callable[..., MCPStore], away: timedelta, form: str
) -> None:
    there = datetime.now(UTC) + away
    later = f"{there + timedelta(seconds=30):{form}}"
    wire.answers(httpx.Response(503, headers={"Retry-After": later, "Date": f"{there:{DATE_FORMS[0]}}"}))

    with pytest.raises(ServerError) as caught:
        await faked(max_retries=1, max_retry_after=10).installations.retrieve(ID)

    assert caught.value.retry_after == 30
    assert len(wire.requests) == 1


@pytest.mark.parametrize(
    "date",
    [
        None,
        "",
        "yesterday",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Mon, 01 Jan 1900 00:00:00 GMT",
        "Thu, 01 Jan 2026 00:00:00 +9999",
        f"Thu, 01 Jan {'9' * 30} 00:00:00 GMT",
    ],
)
async def test_without_a_usable_date_in_the_response_our_own_clock_measures(
    wire: Wire, faked: Callable[..., MCPStore], date: str | None
) -> None:
    headers = {} if date is None else {"Date": date}
    wire.answers(
        httpx.Response(
            503, headers=headers | {"Retry-After": format_datetime(datetime.now(UTC) + timedelta(seconds=30))}
        )
    )

    with pytest.raises(ServerError) as caught:
        await faked(max_retries=1, max_retry_after=10).installations.retrieve(ID)

    assert caught.value.retry_after == pytest.approx(30, abs=5)


async def test_every_attempt_is_reported_with_its_number(service: EmbeddedService, store: MCPStore) -> None:
    row = service.add_installation()
    service.inject(Fault(status=520, headers=SOON))
    told: list[tuple[int, int]] = []
    view = store.with_options(on_response=lambda info: told.append((info.status_code, info.attempt)))

    await view.installations.retrieve(row.id)

    assert told == [(520, 1), (200, 2)]


async def test_every_attempt_asks_for_the_key(service: EmbeddedService) -> None:
    row = service.add_installation()
    service.inject(Fault(status=503, headers=SOON))
    keys = [service.add_key().token, service.add_key().token]
    given = list(keys)

    async with MCPStore(lambda: given.pop(0), host=service.base_url) as store:
        await store.installations.retrieve(row.id)

    assert [request.headers["authorization"] for request in service.requests] == [f"Bearer {key}" for key in keys]


def status_failure(status: int, retry_after: float | None) -> APIStatusError:
    kind = RateLimitError if status == 429 else ServerError if status >= 500 else APIStatusError
    headers = Headers({})
    return kind(
        "it", status_code=status, headers=headers, body=None, method="GET", url="https://a", retry_after=retry_after
    )


failures = st.one_of(
    st.builds(
        status_failure,
        st.integers(100, 999),
        st.none() | st.floats(0, allow_nan=False),
    ),
    st.builds(lambda is_sent: APIConnectionError("it", method="GET", url="https://a", is_sent=is_sent), st.booleans()),
    st.builds(lambda is_sent: APITimeoutError("it", method="GET", url="https://a", is_sent=is_sent), st.booleans()),
)


@given(
    failure=failures,
    is_idempotent=st.booleans(),
    attempt=st.integers(1, 10**9),
    max_retries=st.integers(0, 10**9),
    max_retry_after=st.floats(0.001, 1e9),
    remaining=st.floats(allow_nan=False),
    jitter=st.floats(0, 1),
)
@settings(derandomize=True, max_examples=500)
def test_the_decision_holds_for_every_failure(  # noqa: PLR0917  # what hypothesis gives
    failure: APIStatusError | APIConnectionError,
    is_idempotent: bool,
    attempt: int,
    max_retries: int,
    max_retry_after: float,
    remaining: float,
    jitter: float,
) -> None:
    delay = retry_delay(
        failure,
        is_idempotent=is_idempotent,
        attempt=attempt,
        policy=Policy(max_retries, max_retry_after),
        remaining=remaining,
        jitter=jitter,
    )

    if delay is None:
        return
    assert attempt <= max_retries
    assert 0 <= delay <= max_retry_after
    assert delay < remaining
    if isinstance(failure, APIStatusError):
        assert failure.status_code in {408, 429} or failure.status_code >= 500
        assert failure.retry_after is None or failure.retry_after < MIN_RETRY_AFTER or delay == failure.retry_after
        assert is_idempotent or failure.status_code == 429
    else:
        assert is_idempotent or not failure.is_sent


def test_backoff_doubles_up_to_eight_seconds() -> None:
    failure = status_failure(500, None)
    policy = Policy(max_retries=9, max_retry_after=60.0)

    waits = [
        retry_delay(failure, is_idempotent=True, attempt=attempt, policy=policy, remaining=float("inf"), jitter=1.0)
        for attempt in range(1, 9)
    ]

    assert waits == [0.5, 1, 2, 4, 8, 8, 8, 8]
