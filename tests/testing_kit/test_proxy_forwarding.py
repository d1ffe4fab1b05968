"""Requests of the proxy to an MCP server, and the responses it passes on."""

import asyncio
import json
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from posthog_mcp_store.testing import EmbeddedService, serve_app

from .support import VERSIONS, client_of, in_process

URL = "https://mcp.example.com/mcp"
CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
TRANSPORT_HEADERS = {"host", "user-agent", "accept-encoding", "connection", "content-length"}


def answering(answer: Callable[[Request], Awaitable[Response]]) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            request = Request(scope, receive)
            await (await answer(request))(scope, receive, send)
        else:
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})

    return app


async def call(
    service: EmbeddedService,
    target: ASGIApp | str,
    *,
    headers: dict[str, str] | None = None,
    body: object = CALL,
) -> httpx.Response:
    service.add_mcp_server(URL, target)
    row = service.add_installation(url=URL, api_key="secret")
    async with client_of(service) as client:
        return await client.post(f"/{row.id}/proxy/", json=body, headers=headers)


async def test_a_tool_call_reaches_a_real_mcp_server(service: EmbeddedService, tools_url: str) -> None:
    params = {"name": "add", "arguments": {"a": 1, "b": 2}}
    answer = await call(service, tools_url, body=CALL | {"method": "tools/call", "params": params})
    assert answer.status_code == 200
    assert answer.json()["result"]["structuredContent"] == {"result": 3}


async def test_the_tools_of_the_tool_server_are_add_and_greet(service: EmbeddedService, tools_url: str) -> None:
    row = service.add_installation(url=URL)
    service.add_mcp_server(URL, tools_url)
    params = {"name": "greet", "arguments": {"name": "Ada"}}
    async with client_of(service) as client:
        listed = await client.post(f"/{row.id}/proxy/", json=CALL)
        greeted = await client.post(f"/{row.id}/proxy/", json=CALL | {"method": "tools/call", "params": params})
    assert [tool["name"] for tool in listed.json()["result"]["tools"]] == ["add", "greet"]
    assert greeted.json()["result"]["structuredContent"] == {"result": "Hello, Ada!"}


async def test_a_notification_leads_to_202_without_a_body(service: EmbeddedService, tools_url: str) -> None:
    answer = await call(service, tools_url, body={"jsonrpc": "2.0", "method": "notifications/initialized"})
    assert (answer.status_code, answer.content) == (202, b"")


@pytest.mark.parametrize("reached", [in_process, serve_app])
async def test_only_four_headers_and_the_rewritten_body_go_up(
    service: EmbeddedService, reached: Callable[[ASGIApp], AbstractContextManager[ASGIApp | str]]
) -> None:
    seen: list[tuple[dict[str, str], bytes]] = []

    async def answer(request: Request) -> Response:
        seen.append((dict(request.headers), await request.body()))
        return Response(b"{}", media_type="application/json")

    theirs = {
        "Accept": "text/html",
        "Mcp-Session-Id": "s1",
        "Mcp-Protocol-Version": "2025-06-18",
        "X-Other": "1",
        "Cookie": "a=b",
    }
    with reached(answering(answer)) as target:
        assert (await call(service, target, headers=theirs, body={"b": "é漢", "a": [1, 2]})).status_code == 200
    [(headers, body)] = seen
    assert body == b'{"b": "\\u00e9\\u6f22", "a": [1, 2]}'
    assert headers["content-type"] == "application/json"
    assert headers["accept"] == "application/json, text/event-stream"
    assert headers["authorization"] == "Bearer secret"
    assert headers["mcp-session-id"] == "s1"
    assert headers.keys() - TRANSPORT_HEADERS == {"content-type", "accept", "authorization", "mcp-session-id"}


async def test_version_2026_09_sends_posthogs_own_headers_too() -> None:
    seen: list[dict[str, str]] = []

    async def answer(request: Request) -> Response:
        seen.append(dict(request.headers))
        return Response(b"{}", media_type="application/json")

    theirs = {"X-PostHog-Consumer": "tests", "x-posthog-": "short", "X-Posthogs": "no", "Authorization-": "no"}
    for version in VERSIONS:
        assert (await call(EmbeddedService(version=version), answering(answer), headers=theirs)).status_code == 200
    spring, summer = (headers.keys() - TRANSPORT_HEADERS for headers in seen)
    assert spring == {"content-type", "accept", "authorization"}
    assert summer == spring | {"x-posthog-consumer", "x-posthog-"}
    assert seen[1]["x-posthog-consumer"] == "tests"


async def test_without_a_session_no_session_header_goes_up_and_the_token_is_the_oauth_one(
    service: EmbeddedService,
) -> None:
    async def answer(request: Request) -> Response:
        return Response(json.dumps(dict(request.headers)), media_type="application/json")

    service.add_mcp_server(URL, answering(answer))
    row = service.add_installation(url=URL, auth_type="oauth")
    async with client_of(service) as client:
        headers = (await client.post(f"/{row.id}/proxy/", json=[CALL])).json()
    assert "mcp-session-id" not in headers
    assert headers["authorization"] == f"Bearer {row.access_token}"


async def test_status_body_content_type_and_session_come_back_and_no_other_header(
    service: EmbeddedService,
) -> None:
    async def answer(request: Request) -> Response:
        headers = {
            "Mcp-Session-Id": "s2",
            "Content-Type": "application/problem+json",
            "Retry-After": "5",
            "WWW-Authenticate": "Bearer",
            "Location": "https://elsewhere.com",
        }
        return Response(b'{"theirs": 1}', 418, headers=headers)

    got = await call(service, answering(answer))
    assert (got.status_code, got.content) == (418, b'{"theirs": 1}')
    assert got.headers["content-type"] == "application/problem+json"
    assert got.headers["mcp-session-id"] == "s2"
    assert got.headers.keys() == {"content-length", "content-type", "mcp-session-id", "allow"}


async def test_a_response_without_a_content_type_counts_as_json(service: EmbeddedService) -> None:
    async def answer(request: Request) -> Response:
        return Response(b"{}", 401)

    got = await call(service, answering(answer))
    assert (got.status_code, got.headers["content-type"]) == (401, "application/json")


async def test_version_2026_04_follows_no_redirect_and_keeps_its_target_back(service: EmbeddedService) -> None:
    redirecting = Redirecting({"/mcp": (307, "/mcp/")})
    got = await call(service, redirecting.app)
    assert (got.status_code, len(redirecting.seen)) == (307, 1)
    assert "location" not in got.headers


class Redirecting:
    """An MCP server, some of whose paths lead elsewhere. `{here}` in a location is its own origin."""

    def __init__(self, redirects: dict[str, tuple[int, str | None]]) -> None:
        self._redirects = redirects
        self.seen: list[tuple[str, str, bytes, str | None]] = []
        self.app = answering(self._answer)

    async def _answer(self, request: Request) -> Response:
        path, authorization = request.url.path, request.headers.get("authorization")
        self.seen.append((request.method, path, await request.body(), authorization))
        if path not in self._redirects:
            return Response(b'{"here": 1}', media_type="application/json")
        status, location = self._redirects[path]
        headers = {} if location is None else {"Location": location.replace("{here}", str(request.base_url))}
        return Response(b"elsewhere", status, headers=headers, media_type="text/plain")


@pytest.mark.parametrize("reached", [in_process, serve_app])
@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("location", ["/mcp/", "{here}mcp/", "mcp/"])
async def test_version_2026_09_follows_a_redirect_within_the_origin_as_it_was_sent(
    reached: Callable[[ASGIApp], AbstractContextManager[ASGIApp | str]], status: int, location: str
) -> None:
    redirecting = Redirecting({"/mcp": (status, location)})
    with reached(redirecting.app) as target:
        got = await call(EmbeddedService(version="2026-09"), f"{target}/mcp" if isinstance(target, str) else target)
    assert (got.status_code, got.json()) == (200, {"here": 1})
    body = json.dumps(CALL).encode()
    assert redirecting.seen == [("POST", path, body, "Bearer secret") for path in ("/mcp", "/mcp/")]


@pytest.mark.parametrize(
    ("status", "location"),
    [
        (307, "https://elsewhere.example.com/mcp"),
        (307, "//elsewhere.example.com/mcp"),
        (307, "https://mcp.example.com.evil.com/mcp"),
        (307, "http://mcp.example.com/mcp"),
        (307, "https://mcp.example.com:8443/mcp"),
        (307, None),
        (303, "/mcp/"),
        (200, "/mcp/"),
    ],
)
async def test_version_2026_09_goes_nowhere_else(status: int, location: str | None) -> None:
    redirecting = Redirecting({"/mcp": (status, location)})
    got = await call(EmbeddedService(version="2026-09"), redirecting.app)
    assert (got.status_code, got.text, len(redirecting.seen)) == (status, "elsewhere", 1)
    assert "location" not in got.headers


async def test_version_2026_09_knows_its_origin_by_its_port_too() -> None:
    redirecting = Redirecting({"/mcp": (308, "https://mcp.example.com:443/new")})
    got = await call(EmbeddedService(version="2026-09"), redirecting.app)
    assert (got.status_code, redirecting.seen[1][1]) == (200, "/new")


async def test_version_2026_09_follows_one_redirect_only() -> None:
    redirecting = Redirecting({"/mcp": (307, "/a"), "/a": (307, "/b")})
    got = await call(EmbeddedService(version="2026-09"), redirecting.app)
    assert (got.status_code, len(redirecting.seen)) == (307, 2)


async def test_an_event_stream_comes_back_unchanged_with_status_200(service: EmbeddedService) -> None:
    events = 'event: message\r\ndata: {"jsonrpc": "2.0"}\r\n\r\n: ü\n\n'.encode()

    async def answer(request: Request) -> Response:
        return Response(events, 500, media_type="text/event-stream")

    got = await call(service, answering(answer))
    assert (got.status_code, got.content) == (200, events)
    assert got.headers["content-type"].startswith("text/event-stream")
    assert (got.headers["cache-control"], got.headers["x-accel-buffering"]) == ("no-cache", "no")


async def test_a_failing_application_leads_to_500_as_a_server_would_and_is_logged(
    service: EmbeddedService, caplog: pytest.LogCaptureFixture
) -> None:
    async def answer(request: Request) -> Response:
        raise ZeroDivisionError

    got = await call(service, answering(answer))
    assert (got.status_code, got.content) == (500, b"")
    assert "ZeroDivisionError" in caplog.text


async def test_a_server_that_is_not_there_leads_to_502(service: EmbeddedService) -> None:
    with socket.socket() as bound:  # bound but not listening: nobody else gets the port
        bound.bind(("127.0.0.1", 0))
        got = await call(service, f"http://127.0.0.1:{bound.getsockname()[1]}/mcp")
    assert (got.status_code, got.json()) == (502, {"error": "Upstream MCP server unreachable"})


async def test_an_application_that_takes_too_long_leads_to_502() -> None:
    async def answer(request: Request) -> Response:
        await asyncio.Event().wait()
        raise AssertionError("nobody sets that event")

    got = await call(EmbeddedService(upstream_timeout=0.05), answering(answer))
    assert (got.status_code, got.json()) == (502, {"error": "Upstream MCP server timed out"})


@contextmanager
def raw_server(answer: bytes) -> Iterator[str]:
    """A server that sends its first caller these bytes and no more; without any, it stays silent."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(10)
                connection.sendall(answer)
                if answer:
                    connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"
        thread.join(10)


async def test_a_server_that_stays_silent_leads_to_502() -> None:
    with raw_server(b"") as target:
        got = await call(EmbeddedService(upstream_timeout=0.05), target)
    assert (got.status_code, got.json()) == (502, {"error": "Upstream MCP server timed out"})


@pytest.mark.parametrize("answer", [b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"])
async def test_a_server_that_breaks_off_leads_to_the_glued_500(service: EmbeddedService, answer: bytes) -> None:
    with raw_server(answer) as target:
        got = await call(service, target)
    assert (got.status_code, got.text) == (500, "typecodedetailattrerror_event_id")
