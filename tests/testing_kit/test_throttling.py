"""Rate limits: which calls are counted together, and the form of a refusal."""

import time
from typing import Any

import httpx
import pytest

from posthog_mcp_store.testing import EmbeddedService, Fault

from .support import GOOD_INSTALL, client_of, framework

ONCE = [(1, 60.0)]
NEVER = [(0, 60.0)]
GLUED = "typecodedetailattr"

OPERATIONS = [
    ("GET", "/", "default"),
    ("POST", "/", "default"),
    ("GET", "/{id}/", "default"),
    ("PATCH", "/{id}/", "default"),
    ("DELETE", "/{id}/", "default"),
    ("POST", "/install_custom/", "mcp_oauth"),
    ("GET", "/authorize/", "mcp_oauth"),
    ("POST", "/{id}/proxy/", "mcp_proxy"),
]


def refused(seconds: int) -> dict[str, Any]:
    unit = "second" if seconds == 1 else "seconds"
    detail = f"Request was throttled. Expected available in {seconds} {unit}."
    return framework("throttled_error", "throttled", detail)


async def waits(client: httpx.AsyncClient, times: int) -> list[str | None]:
    return [(await client.get("/")).headers.get("retry-after") for _ in range(times)]


@pytest.mark.parametrize(("method", "path", "limit"), OPERATIONS)
async def test_each_operation_is_counted_under_its_own_limit_and_no_other(
    service: EmbeddedService, client: httpx.AsyncClient, method: str, path: str, limit: str
) -> None:
    rates = dict.fromkeys(["default", "mcp_oauth", "mcp_proxy"], NEVER) | {limit: ONCE}
    service.throttle(**rates)
    url = path.format(id=service.add_installation().id)
    first, second = [await client.request(method, url, json=GOOD_INSTALL) for _ in range(2)]
    assert first.status_code != 429
    assert (second.status_code, second.headers["retry-after"]) == (429, "60")
    assert second.headers["allow"] == first.headers["allow"]
    assert second.text == GLUED if limit == "mcp_proxy" else second.json() == refused(60)


async def test_a_refused_call_is_not_acted_on(service: EmbeddedService, client: httpx.AsyncClient) -> None:
    service.throttle(mcp_oauth=NEVER)
    answer = await client.post("/install_custom/", json=GOOD_INSTALL)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")
    assert service.installations == []


async def test_ordinary_calls_are_counted_per_key(service: EmbeddedService) -> None:
    service.throttle(default=ONCE)
    for token in (service.api_key, service.add_key().token):
        async with client_of(service, token) as client:
            assert await waits(client, 2) == [None, "60"]


@pytest.mark.parametrize("path", ["/install_custom/", "/{id}/proxy/"])
async def test_calls_under_the_other_limits_are_counted_per_user(service: EmbeddedService, path: str) -> None:
    service.throttle(mcp_oauth=ONCE, mcp_proxy=ONCE)
    statuses = []
    for user in ("alice", "alice", "bob"):
        url = path.format(id=service.add_installation(user=user).id)
        async with client_of(service, service.add_key(user=user).token) as client:
            statuses.append((await client.post(url, json={})).status_code)
    assert statuses == [400, 429, 400]


async def test_install_custom_and_authorize_are_counted_together(
    client: httpx.AsyncClient, service: EmbeddedService
) -> None:
    service.throttle(mcp_oauth=ONCE)
    assert (await client.post("/install_custom/", json=GOOD_INSTALL)).status_code == 201
    assert (await client.get("/authorize/")).status_code == 429


CALLS = [
    ("GET", "/unknown/", 404),
    ("PATCH", "/{id}/", 400),
    ("PUT", "/{id}/", 405),
    ("OPTIONS", "/{id}/", 200),
    ("POST", "/unknown/proxy/", 404),
    ("POST", "/{id}/proxy/", 400),
    ("GET", "/{id}/proxy/", 405),
    ("PUT", "/install_custom/", 405),
]


@pytest.mark.parametrize(("method", "path", "status"), CALLS)
async def test_calls_that_come_to_nothing_use_up_the_limit(
    service: EmbeddedService, client: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    service.throttle(default=ONCE, mcp_oauth=ONCE, mcp_proxy=ONCE)
    url = path.format(id=service.add_installation().id)
    headers = {"Content-Type": "application/json"}
    answers = [await client.request(method, url, content=b"{", headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [status, 429]


async def test_calls_without_key_scope_or_project_use_up_nothing(
    service: EmbeddedService, client: httpx.AsyncClient
) -> None:
    service.throttle(default=NEVER)
    elsewhere = "/api/projects/999/mcp_server_installations"
    for stranger, status in [
        (client_of(service, "phx_unknown"), 401),
        (client_of(service, service.add_key(scopes=()).token), 403),
        (client_of(service, rows=elsewhere), 404),
    ]:
        async with stranger:
            assert (await stranger.get("/")).status_code == status


async def test_refused_calls_do_not_count(service: EmbeddedService, client: httpx.AsyncClient) -> None:
    service.throttle(default=[(1, 0.6)])
    began = time.monotonic()
    first, second = [await client.get("/") for _ in range(2)]
    assert (first.status_code, second.json()) == (200, refused(1))
    # Without a pause: if refused calls counted, none would ever be let in.
    while (await client.get("/")).status_code == 429:
        assert time.monotonic() - began < 10
    assert time.monotonic() - began >= 0.6


async def test_a_window_slides(service: EmbeddedService, client: httpx.AsyncClient) -> None:
    service.throttle(default=[(2, 1.0)])
    service.inject(Fault(delay=0.5))  # between the first call and the second
    assert [(await client.get("/")).status_code for _ in range(3)] == [200, 200, 429]
    began = time.monotonic()
    while (await client.get("/")).status_code == 429:
        assert time.monotonic() - began < 10
    # The first call has left the window, and the second has not.
    assert (await client.get("/")).status_code == 429


async def test_the_wait_lasts_until_the_oldest_call_leaves_the_window(
    service: EmbeddedService, client: httpx.AsyncClient
) -> None:
    service.throttle(default=[(3, 100.5)])
    assert await waits(client, 5) == [None, None, None, "101", "101"]


async def test_a_call_that_one_window_refuses_uses_up_the_other(
    service: EmbeddedService, client: httpx.AsyncClient
) -> None:
    service.throttle(default=[(1, 60), (3, 3600)])
    assert await waits(client, 5) == [None, "60", "60", "3600", "3600"]


@pytest.mark.parametrize("rates", [[(1, 60), (1, 3600)], [(1, 3600), (1, 60)]])
async def test_where_both_windows_refuse_the_longer_wait_is_reported(
    service: EmbeddedService, client: httpx.AsyncClient, rates: list[tuple[int, float]]
) -> None:
    service.throttle(default=rates)
    assert await waits(client, 2) == [None, "3600"]


async def test_setting_the_limits_again_forgets_what_was_counted(
    service: EmbeddedService, client: httpx.AsyncClient
) -> None:
    service.throttle(default=ONCE)
    assert await waits(client, 2) == [None, "60"]
    service.throttle(default=ONCE)
    assert await waits(client, 2) == [None, "60"]
    service.throttle()
    assert await waits(client, 3) == [None, None, None]
