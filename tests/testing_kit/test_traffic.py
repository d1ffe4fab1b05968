"""Watching and counting requests, and changing rows between them."""

import asyncio
import time

import httpx
import pytest
from starlette.types import Message, Receive, Scope, Send

from posthog_mcp_store.testing import EmbeddedService, Fault, RecordedRequest

from .support import ROWS, SITE, client_of, eventually, served


def test_a_test_may_change_rows_between_two_requests(service: EmbeddedService) -> None:
    service.before_each = lambda request: service.installations.clear() if request.method == "HEAD" else None
    service.add_installation()
    with served(service) as client:
        counts = [client.get("/").json()["count"]]
        client.head("/")
        counts.append(client.get("/").json()["count"])
    assert counts == [1, 0]


async def test_the_hook_sees_a_request_before_anything_is_done_with_it(
    service: EmbeddedService, client: httpx.AsyncClient
) -> None:
    seen: list[RecordedRequest] = []

    def hook(request: RecordedRequest) -> None:
        seen.append(request)
        service.inject(Fault(status=500))

    service.before_each = hook
    async with client_of(service, "phx_unknown") as stranger:
        assert (await stranger.get("/")).status_code == 500
    assert seen == service.requests
    assert service.before_each == hook
    service.before_each = None
    assert (await client.get("/")).status_code == 200


async def test_every_request_records_when_it_arrived(service: EmbeddedService, client: httpx.AsyncClient) -> None:
    times = [time.monotonic()]
    for _ in range(2):
        await client.get("/")
        times += [service.requests[-1].received_at, time.monotonic()]
    assert times == sorted(times)


async def test_requests_are_counted_while_they_are_being_handled(service: EmbeddedService) -> None:
    service.inject(Fault(delay=60, times=None))
    headers = {"Authorization": f"Bearer {service.api_key}"}
    with service.serve() as base_url:
        async with httpx.AsyncClient(base_url=base_url, headers=headers, trust_env=False) as client:
            tasks = [asyncio.create_task(client.get(f"{ROWS}/")) for _ in range(3)]
            await eventually(lambda: service.in_flight == 3)
            for task in tasks:
                task.cancel()
            await eventually(lambda: service.in_flight == 0)
    assert service.most_in_flight == 3


@pytest.mark.parametrize(
    ("method", "path", "counts"),
    [("GET", "/", [1, 0]), ("HEAD", "/", [0, 0]), ("DELETE", "/{id}/", [0, 0]), ("POST", "/", [0, 0])],
)
async def test_a_request_is_over_before_the_last_byte_of_its_response_is_there(
    service: EmbeddedService, method: str, path: str, counts: list[int]
) -> None:
    row = service.add_installation()
    seen: list[int] = []

    async def watched(scope: Scope, receive: Receive, send: Send) -> None:
        async def watching(message: Message) -> None:
            seen.append(service.in_flight)
            await send(message)

        await service.app(scope, receive, watching)

    headers = {"Authorization": f"Bearer {service.api_key}"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=watched), base_url=SITE, headers=headers) as client:
        await client.request(method, ROWS + path.format(id=row.id))
    assert seen == counts


def test_a_request_is_over_once_its_connection_is_reset(service: EmbeddedService) -> None:
    service.inject(Fault(reset="after", times=None))
    with served(service) as client:
        for _ in range(50):
            with pytest.raises(httpx.ReadError):
                client.get("/")
            assert service.in_flight == 0


async def test_the_most_requests_at_once_may_be_set_back(service: EmbeddedService, client: httpx.AsyncClient) -> None:
    service.inject(Fault(delay=0.01, times=2))
    await asyncio.gather(client.get("/"), client.get("/"))
    await client.get("/")
    assert service.most_in_flight == 2
    service.most_in_flight = 0
    await client.get("/")
    assert service.most_in_flight == 1


async def test_a_request_that_ends_in_an_exception_is_over_too(
    service: EmbeddedService, client: httpx.AsyncClient
) -> None:
    def hook(request: RecordedRequest) -> None:
        raise ZeroDivisionError

    service.before_each = hook
    with pytest.raises(ZeroDivisionError):
        await client.get("/")
    assert (service.in_flight, len(service.requests)) == (0, 1)
