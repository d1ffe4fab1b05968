"""The service and any other application over real HTTP."""

import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import httpx
import pytest
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from posthog_mcp_store.testing import EmbeddedService, serve_app

from ..support.certificates import NO_CERTIFICATES
from .support import ROWS


def get(service: EmbeddedService, base_url: str, path: str = f"{ROWS}/", **headers: str) -> httpx.Response:
    authorized = {"Authorization": f"Bearer {service.api_key}"} | headers
    return httpx.get(f"{base_url}{path}", headers=authorized, timeout=10, trust_env=False, verify=NO_CERTIFICATES)


def test_the_service_is_at_its_base_url_and_links_lead_there(service: EmbeddedService) -> None:
    for _ in range(2):
        service.add_installation()
    with service.serve() as base_url:
        assert service.base_url == base_url
        body = get(service, base_url, f"{ROWS}/?limit=1").json()
        following = get(service, base_url, body["next"].removeprefix(base_url))
    assert base_url.startswith("http://127.0.0.1:")
    assert body["next"] == f"{base_url}{ROWS}/?limit=1&offset=1"
    assert body["results"][0]["proxy_url"].startswith(f"{base_url}/api/environments/1/")
    assert following.json()["previous"] == f"{base_url}{ROWS}/?limit=1"


def test_links_use_the_host_that_the_caller_used(service: EmbeddedService) -> None:
    service.add_installation()
    with service.serve() as base_url:
        body = get(service, base_url, Host="posthog.test", **{"X-Forwarded-Proto": "https"}).json()
    assert body["results"][0]["proxy_url"].startswith("http://posthog.test/api/")


def test_bodiless_responses_survive_real_http(service: EmbeddedService) -> None:
    headers = {"Authorization": f"Bearer {service.api_key}"}
    with (
        service.serve() as base_url,
        httpx.Client(base_url=base_url + ROWS, headers=headers, trust_env=False, verify=NO_CERTIFICATES) as client,
    ):
        created = client.post("/", json={})
        deleted = client.delete(f"/{service.add_installation().id}/")
        head = client.head("/")
        redirected = client.get(f"/authorize?server_id={service.add_oauth_server().id}")
    assert [answer.content for answer in (created, deleted, head, redirected)] == [b""] * 4
    assert [answer.status_code for answer in (created, deleted, head, redirected)] == [405, 204, 200, 302]
    assert "content-type" not in created.headers


def test_thread_and_socket_are_gone_afterwards(service: EmbeddedService) -> None:
    before = threading.enumerate()
    with service.serve() as base_url:
        assert threading.active_count() == len(before) + 1
        get(service, base_url)
    assert threading.enumerate() == before
    with pytest.raises(httpx.ConnectError):
        get(service, base_url)


def test_the_base_url_is_there_only_while_served(service: EmbeddedService) -> None:
    with pytest.raises(RuntimeError, match="not served"):
        _ = service.base_url
    with service.serve(), pytest.raises(RuntimeError, match="already served"), service.serve():
        raise AssertionError("served twice")
    with pytest.raises(RuntimeError, match="not served"):
        _ = service.base_url
    with service.serve() as base_url:
        assert get(service, base_url).status_code == 200


def test_an_exception_inside_comes_out_and_ends_the_server(service: EmbeddedService) -> None:
    with pytest.raises(KeyError), service.serve():
        raise KeyError
    with pytest.raises(RuntimeError, match="not served"):
        _ = service.base_url


def test_two_services_are_served_side_by_side() -> None:
    one, other = EmbeddedService(), EmbeddedService()
    with one.serve() as first, other.serve() as second:
        assert first != second
        assert get(one, first).status_code == get(other, second).status_code == 200
        assert get(one, second).status_code == 401


async def test_it_works_in_process_while_it_is_served(service: EmbeddedService) -> None:
    with service.serve() as base_url:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=service.app), base_url=base_url) as client:
            answer = await client.get(f"{ROWS}/", headers={"Authorization": f"Bearer {service.api_key}"})
    assert answer.status_code == 200
    assert len(service.requests) == 1


def test_a_request_that_is_cut_short_is_not_recorded(service: EmbeddedService) -> None:
    with service.serve() as base_url:
        host, port = base_url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            head = f"POST {ROWS}/ HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n"
            connection.sendall(head.encode())
            # The response to Expect: the service is reading the body now.
            assert connection.recv(1024).startswith(b"HTTP/1.1 100")
            connection.sendall(b"{")
    assert service.requests == []


def test_the_lifespan_of_an_application_is_run() -> None:
    seen: list[str] = []

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        seen.append("up")
        yield
        seen.append("down")

    with serve_app(Starlette(lifespan=lifespan)):
        assert seen == ["up"]
    assert seen == ["up", "down"]


def test_a_failing_start_is_raised_at_once_with_its_cause() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise ZeroDivisionError

    before = threading.enumerate()
    with pytest.raises(RuntimeError, match="did not start") as raised, serve_app(app):
        raise AssertionError("entered all the same")
    assert isinstance(raised.value.__cause__, ZeroDivisionError)
    assert threading.enumerate() == before


def test_a_start_that_takes_too_long_is_given_up() -> None:
    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        await anyio.Event().wait()
        yield

    before = threading.enumerate()
    with (
        pytest.raises(RuntimeError, match="did not start within"),
        serve_app(Starlette(lifespan=lifespan), timeout=0.2),
    ):
        raise AssertionError("entered all the same")
    assert threading.enumerate() == before


def test_a_stop_that_takes_too_long_is_given_up() -> None:
    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        await anyio.Event().wait()

    before = threading.enumerate()
    with (
        pytest.raises(RuntimeError, match="did not stop within"),
        serve_app(Starlette(lifespan=lifespan), timeout=1.5),
    ):
        pass
    assert threading.enumerate() == before


def test_an_error_during_a_response_is_left_to_the_application() -> None:
    app = Starlette()

    async def failing(scope: Scope, receive: Receive, send: Send) -> None:
        raise ZeroDivisionError

    app.mount("/", failing)
    with serve_app(app) as base_url:
        assert httpx.get(base_url, trust_env=False, verify=NO_CERTIFICATES).status_code == 500
