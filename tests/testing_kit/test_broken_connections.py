"""Faults of the connection: resets, truncated responses, slow responses."""

import threading
import time
from typing import Any, Literal

import anyio
import anyio.to_thread
import httpx
import pytest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from posthog_mcp_store.testing import EmbeddedService, Fault

from .support import GOOD_INSTALL, OAUTH_INSTALL, eventually, served

Reset = Literal["before", "after", "inside"]

CUTS: list[dict[str, Any]] = [{"reset": "before"}, {"reset": "after"}, {"reset": "inside"}, {"truncate": True}]


def read_into(received: bytearray, answer: httpx.Response) -> None:
    for chunk in answer.iter_raw():
        received += chunk


@pytest.mark.parametrize(("reset", "rows"), [("before", 0), ("after", 1), ("inside", 1)])
def test_a_connection_is_reset_before_or_after_the_service_acts(
    service: EmbeddedService, reset: Reset, rows: int
) -> None:
    fault = service.inject(Fault(reset=reset))
    with served(service) as client:
        # Not RemoteProtocolError, which is what an orderly close makes.
        with pytest.raises(httpx.ReadError):
            client.post("/install_custom/", json=GOOD_INSTALL)
        assert service.in_flight == 0
        assert client.get("/").json()["count"] == rows
    assert (fault.hits, len(service.requests)) == (1, 2)


@pytest.mark.parametrize(("takes_effect", "rows"), [(False, 0), (True, 1)])
def test_a_replaced_response_may_be_cut_too(service: EmbeddedService, takes_effect: bool, rows: int) -> None:
    service.inject(Fault(body="abcdef", reset="inside", takes_effect=takes_effect))
    with served(service) as client, pytest.raises(httpx.ReadError):
        client.post("/install_custom/", json=GOOD_INSTALL)
    assert len(service.installations) == rows


@pytest.mark.parametrize(
    ("cut", "error"), [({"reset": "inside"}, httpx.ReadError), ({"truncate": True}, httpx.RemoteProtocolError)]
)
@pytest.mark.parametrize("size", [2, 3, 100_000])
def test_half_of_the_body_arrives_before_the_cut(
    service: EmbeddedService, cut: dict[str, Any], error: type[Exception], size: int
) -> None:
    body = b"0123456789" * (size // 10) + b"x" * (size % 10)
    service.inject(Fault(status=502, body=body, **cut))
    received = bytearray()
    with served(service) as client, client.stream("GET", "/") as answer, pytest.raises(error):
        read_into(received, answer)
    assert (answer.status_code, answer.headers["content-length"]) == (502, str(size))
    assert received == body[: size // 2]


def test_the_services_own_response_may_be_truncated(service: EmbeddedService, caplog: pytest.LogCaptureFixture) -> None:
    service.inject(Fault(truncate=True))
    with served(service) as client:
        with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
            client.get("/")
        assert client.get("/").status_code == 200
    assert caplog.records == []


@pytest.mark.parametrize("cut", CUTS[1:])
async def test_a_connection_that_its_client_has_left_is_cut_no_more(
    service: EmbeddedService, cut: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    asked, left = threading.Event(), threading.Event()

    async def target(scope: Scope, receive: Receive, send: Send) -> None:
        asked.set()
        await anyio.to_thread.run_sync(left.wait, 10)
        await Response(status_code=500)(scope, receive, send)

    service.add_mcp_server(OAUTH_INSTALL["url"], target)
    service.inject(Fault(**cut))
    with served(service) as client:
        with pytest.raises(httpx.ReadTimeout):
            client.post("/install_custom/", json=OAUTH_INSTALL, timeout=httpx.Timeout(10, read=0.2))
        assert asked.is_set()
        left.set()
        await eventually(lambda: service.in_flight == 0)
        assert client.get("/").status_code == 200
    assert caplog.records == []


@pytest.mark.parametrize("cut", CUTS)
async def test_in_process_a_cut_is_an_exception(
    service: EmbeddedService, client: httpx.AsyncClient, cut: dict[str, Any]
) -> None:
    service.inject(Fault(**cut))
    with pytest.raises(ConnectionResetError):
        await client.get("/")
    assert service.in_flight == 0


def test_the_service_waits_before_a_response(service: EmbeddedService) -> None:
    service.inject(Fault(delay=0.1))
    with served(service) as client:
        began = time.monotonic()
        assert client.post("/install_custom/", json=GOOD_INSTALL).status_code == 201
    assert time.monotonic() - began >= 0.1


async def test_a_client_that_gives_up_ends_the_delay_of_what_was_done(service: EmbeddedService) -> None:
    row = service.add_installation()
    service.inject(Fault(delay=60))
    with served(service) as client:
        with pytest.raises(httpx.ReadTimeout):
            client.delete(f"/{row.id}/", timeout=0.5)
        assert service.installations == []
        await eventually(lambda: service.in_flight == 0)


def test_the_bytes_of_a_body_come_one_by_one(service: EmbeddedService) -> None:
    service.inject(Fault(body="abc", drip=0.03))
    with served(service) as client, client.stream("GET", "/") as answer:
        began = time.monotonic()
        assert answer.read() == b"abc"
    # One less than there are bytes: the first may be on its way by now.
    assert time.monotonic() - began >= 0.06


async def test_the_head_of_a_dripping_response_comes_at_once(service: EmbeddedService) -> None:
    service.inject(Fault(body="abc", drip=60))
    with served(service) as client:
        with client.stream("GET", "/") as answer:
            assert answer.headers["content-length"] == "3"
        await eventually(lambda: service.in_flight == 0)


async def test_a_response_without_a_body_has_nothing_to_drip(
    service: EmbeddedService, client: httpx.AsyncClient
) -> None:
    service.inject(Fault(drip=60))
    assert (await client.delete(f"/{service.add_installation().id}/")).status_code == 204


async def test_faults_of_time_happen_in_process_too(service: EmbeddedService, client: httpx.AsyncClient) -> None:
    service.inject(Fault(delay=0.05, body="ab", drip=0.02))
    began = time.monotonic()
    assert (await client.post("/install_custom/", json=GOOD_INSTALL)).text == "ab"
    assert time.monotonic() - began >= 0.09
