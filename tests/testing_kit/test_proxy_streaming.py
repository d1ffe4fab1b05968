"""Event streams through the proxy: as they come, and to whoever is still there."""

import asyncio
import json
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager

import anyio
import anyio.lowlevel
import httpx
import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from posthog_mcp_store.testing import EmbeddedService, Fault, InstallationRecord, serve_app

from ..support.mcp_servers import Gate
from .support import ROWS, SharedServers, client_of, eventually, in_process

URL = "https://mcp.example.com/mcp"
CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
FIRST, SECOND = b'data: {"n": 1}\n\n', b'data: {"n": 2}\n\n'
EVENTS = {"content-type": "text/event-stream"}

Reached = Callable[[ASGIApp], AbstractContextManager[ASGIApp | str]]
by_both_ways = pytest.mark.parametrize("reached", [in_process, serve_app])


class Upstream:
    """An MCP server that responds as `answer` does, and records how its requests end."""

    def __init__(self, answer: Callable[["Upstream"], Awaitable[None]]) -> None:
        self._answer = answer
        self.gate = Gate()
        self.left = 0
        self.ended = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        self.send = send
        await receive()
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._listen, receive, tasks.cancel_scope)
                await self._answer(self)
                tasks.cancel_scope.cancel()
        finally:
            self.ended += 1

    async def _listen(self, receive: Receive, scope: anyio.CancelScope) -> None:
        assert await receive() == {"type": "http.disconnect"}
        self.left += 1
        scope.cancel()

    async def _live(self, receive: Receive, send: Send) -> None:
        for stage in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{stage}.complete"})

    async def begin(self, headers: dict[str, str] = EVENTS, status: int = 200) -> None:
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await self.send({"type": "http.response.start", "status": status, "headers": raw})

    async def say(self, *chunks: bytes) -> None:
        for chunk in chunks:
            await self.send({"type": "http.response.body", "body": chunk, "more_body": True})

    async def finish(self) -> None:
        await self.send({"type": "http.response.body"})


async def one_then_another(upstream: Upstream) -> None:
    """The second event comes when the gate is opened."""
    await upstream.begin(EVENTS | {"mcp-session-id": "s1"})
    await upstream.say(FIRST)
    await upstream.gate.wait()
    await upstream.say(SECOND)
    await upstream.finish()


async def silence(upstream: Upstream) -> None:
    await upstream.gate.wait()


async def one_then_silence(upstream: Upstream) -> None:
    await upstream.begin()
    await upstream.say(FIRST)
    await upstream.gate.wait()


@pytest.fixture
def row(service: EmbeddedService) -> InstallationRecord:
    return service.add_installation(url=URL)


async def read(chunks: AsyncIterator[bytes], length: int) -> bytes:
    """This many bytes, however they are cut."""
    read = b""
    while len(read) < length:
        read += await anext(chunks)
    return read


@by_both_ways
async def test_the_first_event_comes_before_the_server_sends_the_second(
    service: EmbeddedService, remote: httpx.AsyncClient, row: InstallationRecord, reached: Reached
) -> None:
    upstream = Upstream(one_then_another)
    with reached(upstream) as target:
        service.add_mcp_server(URL, target)
        async with remote.stream("POST", f"/{row.id}/proxy/", json=CALL) as answer:
            assert (answer.status_code, answer.headers["mcp-session-id"]) == (200, "s1")
            assert (answer.headers["cache-control"], answer.headers["x-accel-buffering"]) == ("no-cache", "no")
            assert "content-length" not in answer.headers
            chunks = answer.aiter_raw()
            assert await read(chunks, len(FIRST)) == FIRST
            await upstream.gate.reached()
            upstream.gate.open()
            assert b"".join([chunk async for chunk in chunks]) == SECOND
    assert service.in_flight == 0


@by_both_ways
async def test_the_head_comes_before_the_server_sends_an_event(
    service: EmbeddedService, remote: httpx.AsyncClient, row: InstallationRecord, reached: Reached
) -> None:
    async def head_then_event(upstream: Upstream) -> None:
        await upstream.begin(status=500)
        await upstream.gate.wait()
        await upstream.say(FIRST)
        await upstream.finish()

    upstream = Upstream(head_then_event)
    with reached(upstream) as target:
        service.add_mcp_server(URL, target)
        async with remote.stream("POST", f"/{row.id}/proxy/", json=CALL) as answer:
            assert answer.status_code == 200
            await upstream.gate.reached()
            upstream.gate.open()
            assert await answer.aread() == FIRST


@by_both_ways
async def test_a_client_that_leaves_before_the_head_ends_the_request_to_the_server(
    service: EmbeddedService,
    remote: httpx.AsyncClient,
    row: InstallationRecord,
    reached: Reached,
    caplog: pytest.LogCaptureFixture,
) -> None:
    upstream = Upstream(silence)
    with reached(upstream) as target:
        service.add_mcp_server(URL, target)
        call = asyncio.create_task(remote.post(f"/{row.id}/proxy/", json=CALL))
        await upstream.gate.reached()
        assert service.in_flight == 1
        call.cancel()
        await upstream.gate.left()
        await eventually(lambda: (service.in_flight, upstream.ended) == (0, 1))
    assert upstream.left == 1
    assert caplog.records == []


@by_both_ways
async def test_a_client_that_leaves_a_stream_ends_the_request_to_the_server(
    service: EmbeddedService, remote: httpx.AsyncClient, row: InstallationRecord, reached: Reached
) -> None:
    upstream = Upstream(one_then_silence)
    with reached(upstream) as target:
        service.add_mcp_server(URL, target)
        async with remote.stream("POST", f"/{row.id}/proxy/", json=CALL) as answer:
            await read(answer.aiter_raw(), len(FIRST))
        await upstream.gate.left()
        await eventually(lambda: (service.in_flight, upstream.ended, upstream.left) == (0, 1, 1))


@by_both_ways
async def test_a_server_that_breaks_off_its_stream_ends_it_and_no_more(
    service: EmbeddedService, remote: httpx.AsyncClient, row: InstallationRecord, reached: Reached
) -> None:
    async def one_then_a_break(upstream: Upstream) -> None:
        await upstream.begin()
        await upstream.say(FIRST)
        raise ZeroDivisionError

    with reached(Upstream(one_then_a_break)) as target:
        service.add_mcp_server(URL, target)
        answer = await remote.post(f"/{row.id}/proxy/", json=CALL)
    assert (answer.status_code, answer.content) == (200, FIRST)


@by_both_ways
async def test_a_server_that_says_nothing_for_too_long_ends_its_stream(
    servers: SharedServers, reached: Reached
) -> None:
    service, upstream = EmbeddedService(upstream_timeout=1), Upstream(one_then_silence)
    row = service.add_installation(url=URL)
    with reached(upstream) as target, servers.serving(service) as remote:
        service.add_mcp_server(URL, target)
        async with remote:
            answer = await remote.post(f"/{row.id}/proxy/", json=CALL)
        await upstream.gate.left()
    assert (answer.status_code, answer.content) == (200, FIRST)


@by_both_ways
async def test_a_server_may_take_its_time_for_each_event(servers: SharedServers, reached: Reached) -> None:
    async def slowly(upstream: Upstream) -> None:
        await upstream.begin()
        for _ in range(4):
            await anyio.sleep(0.4)
            await upstream.say(FIRST)
        await upstream.finish()

    service = EmbeddedService(upstream_timeout=1.5)
    row = service.add_installation(url=URL)
    with reached(Upstream(slowly)) as target, servers.serving(service) as remote:
        service.add_mcp_server(URL, target)
        async with remote:
            answer = await remote.post(f"/{row.id}/proxy/", json=CALL)
    assert answer.content == FIRST * 4


@by_both_ways
async def test_a_body_that_stays_away_leads_to_the_glued_500(servers: SharedServers, reached: Reached) -> None:
    async def half_an_object(upstream: Upstream) -> None:
        await upstream.begin({"content-type": "application/json"})
        await upstream.say(b"{")
        await upstream.gate.wait()

    service, upstream = EmbeddedService(upstream_timeout=1), Upstream(half_an_object)
    row = service.add_installation(url=URL)
    with reached(upstream) as target, servers.serving(service) as remote:
        service.add_mcp_server(URL, target)
        async with remote:
            answer = await remote.post(f"/{row.id}/proxy/", json=CALL)
        await upstream.gate.left()
    assert (answer.status_code, answer.text) == (500, "typecodedetailattrerror_event_id")


@by_both_ways
async def test_a_compressed_stream_comes_unpacked_and_at_once(
    service: EmbeddedService, remote: httpx.AsyncClient, row: InstallationRecord, reached: Reached
) -> None:
    async def packed(upstream: Upstream) -> None:
        packer = zlib.compressobj(wbits=31)
        await upstream.begin(EVENTS | {"content-encoding": "gzip"})
        await upstream.say(packer.compress(FIRST) + packer.flush(zlib.Z_SYNC_FLUSH))
        await upstream.gate.wait()
        await upstream.say(packer.compress(SECOND) + packer.flush())
        await upstream.finish()

    upstream = Upstream(packed)
    with reached(upstream) as target:
        service.add_mcp_server(URL, target)
        async with remote.stream("POST", f"/{row.id}/proxy/", json=CALL) as answer:
            chunks = answer.aiter_raw()
            assert await read(chunks, len(FIRST)) == FIRST
            await upstream.gate.reached()
            upstream.gate.open()
            assert b"".join([chunk async for chunk in chunks]) == SECOND


class Client:
    """Calls the service in this event loop, message by message, which no HTTP client does in process."""

    def __init__(self, service: EmbeddedService, row: InstallationRecord) -> None:
        self._service = service
        self._row = row
        self._left = asyncio.Event()
        self._unread: list[Message] = [{"type": "http.request", "body": json.dumps(CALL).encode()}]
        self.heard: list[Message] = []
        self.attentive = asyncio.Event()
        self.attentive.set()

    @property
    def sizes(self) -> list[int]:
        return [len(message.get("body", b"")) for message in self.heard[1:]]

    async def call(self) -> None:
        path = f"{ROWS}/{self._row.id}/proxy/"
        headers = [
            (b"authorization", f"Bearer {self._service.api_key}".encode()),
            (b"content-type", b"application/json"),
            (b"host", b"posthog.test"),
        ]
        scope = {
            "type": "http",
            "method": "POST",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": headers,
        }
        await self._service.app(scope, self._receive, self._send)

    def leave(self) -> None:
        self._left.set()

    async def _receive(self) -> Message:
        if self._unread:
            return self._unread.pop()
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        await self.attentive.wait()
        self.heard.append(message)


async def let_others_run() -> None:
    for _ in range(200):
        await anyio.lowlevel.checkpoint()


async def test_no_piece_is_greater_than_4_kib(service: EmbeddedService, row: InstallationRecord) -> None:
    async def big(upstream: Upstream) -> None:
        await upstream.begin()
        await upstream.say(b"x" * 10_000, b"y")
        await upstream.finish()

    service.add_mcp_server(URL, Upstream(big))
    client = Client(service, row)
    await client.call()
    assert client.sizes == [4096, 4096, 1808, 1, 0]


async def test_a_server_in_this_process_waits_for_a_client_that_does_not_read(
    service: EmbeddedService, row: InstallationRecord
) -> None:
    said = 0

    async def without_end(upstream: Upstream) -> None:
        nonlocal said
        await upstream.begin()
        while True:
            await upstream.say(FIRST)
            said += 1

    service.add_mcp_server(URL, Upstream(without_end))
    client = Client(service, row)
    client.attentive.clear()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(client.call())
        await let_others_run()
        assert said <= 2
        client.attentive.set()
        await eventually(lambda: len(client.heard) > 10)
        client.attentive.clear()
        await let_others_run()
        client.leave()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def is_deaf(receive: Receive, send: Send, gate: Gate) -> None:
    await gate.wait()


async def hears_and_stays(receive: Receive, send: Send, gate: Gate) -> None:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(hears_and_talks(receive, send, gate))
        await gate.wait()


async def hears_and_talks(receive: Receive, send: Send, gate: Gate) -> None:
    assert await receive() == {"type": "http.disconnect"}
    for _ in range(1_000_000):
        await send({"type": "http.response.body", "body": b"?", "more_body": True})
    raise AssertionError("nobody else had a turn")


@pytest.mark.parametrize(("stays", "is_given_time"), [(is_deaf, False), (hears_and_stays, True)])
async def test_a_server_in_this_process_that_stays_for_nobody_is_cancelled(
    service: EmbeddedService,
    row: InstallationRecord,
    stays: Callable[[Receive, Send, Gate], Awaitable[None]],
    is_given_time: bool,
) -> None:
    gate, cancelled = Gate(), False

    async def stubborn(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal cancelled
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        try:
            await stays(receive, send, gate)
        except asyncio.CancelledError:
            cancelled = True
            raise

    service.add_mcp_server(URL, stubborn)
    client = Client(service, row)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(client.call())
        await gate.reached()
        left_at = time.monotonic()
        client.leave()
    assert cancelled
    assert (time.monotonic() - left_at > 0.9) is is_given_time
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_server_in_this_process_may_send_to_a_client_that_is_gone(
    service: EmbeddedService, row: InstallationRecord, caplog: pytest.LogCaptureFixture
) -> None:
    said_to_nobody = False

    async def talker(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal said_to_nobody
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        await receive()
        await send({"type": "http.response.body", "body": FIRST})
        said_to_nobody = True
        raise ZeroDivisionError

    service.add_mcp_server(URL, talker)
    client = Client(service, row)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(client.call())
        await eventually(lambda: client.heard != [])
        client.leave()
    assert said_to_nobody
    assert caplog.records == []


async def test_a_server_in_this_process_may_continue_after_its_response(service: EmbeddedService) -> None:
    done = False

    async def thorough(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal done
        await send({"type": "http.response.start", "status": 202})
        await send({"type": "http.response.body"})
        await let_others_run()
        done = True

    service.add_mcp_server(URL, thorough)
    async with client_of(service) as client:
        answer = await client.post(f"/{service.add_installation(url=URL).id}/proxy/", json=CALL)
    assert (answer.status_code, answer.content, done) == (202, b"", True)


@pytest.mark.parametrize(
    ("begins", "status", "text"), [(False, 500, ""), (True, 500, "typecodedetailattrerror_event_id")]
)
async def test_a_server_in_this_process_that_does_not_finish_is_one_that_breaks_off(
    service: EmbeddedService, begins: bool, status: int, text: str
) -> None:
    async def unfinished(upstream: Upstream) -> None:
        if begins:
            await upstream.begin({})

    service.add_mcp_server(URL, Upstream(unfinished))
    async with client_of(service) as client:
        answer = await client.post(f"/{service.add_installation(url=URL).id}/proxy/", json=CALL)
    assert (answer.status_code, answer.text) == (status, text)


@by_both_ways
async def test_a_fault_may_refuse_a_stream_that_has_no_end(
    service: EmbeddedService, remote: httpx.AsyncClient, row: InstallationRecord, reached: Reached
) -> None:
    service.inject(Fault(path="/proxy", status=503, headers={"Retry-After": "20"}, takes_effect=True))
    upstream = Upstream(one_then_silence)
    with reached(upstream) as target:
        service.add_mcp_server(URL, target)
        answer = await remote.post(f"/{row.id}/proxy/", json=CALL)
        await eventually(lambda: upstream.ended == 1)
    assert (answer.status_code, answer.content, answer.headers["retry-after"]) == (503, b"", "20")
    assert "content-type" not in answer.headers


@by_both_ways
async def test_a_fault_may_reset_a_stream_that_has_no_end_before_it_begins(
    service: EmbeddedService, remote: httpx.AsyncClient, row: InstallationRecord, reached: Reached
) -> None:
    service.inject(Fault(path="/proxy", reset="after"))
    upstream = Upstream(one_then_silence)
    with reached(upstream) as target:
        service.add_mcp_server(URL, target)
        with pytest.raises(httpx.ReadError):
            await remote.post(f"/{row.id}/proxy/", json=CALL)
        await eventually(lambda: upstream.ended == 1)


@by_both_ways
async def test_a_fault_may_spoil_a_stream_that_ends(
    service: EmbeddedService, remote: httpx.AsyncClient, row: InstallationRecord, reached: Reached
) -> None:
    async def two(upstream: Upstream) -> None:
        await upstream.begin()
        await upstream.say(FIRST, SECOND)
        await upstream.finish()

    service.inject(Fault(headers={"X-Trace": "t"}))
    service.inject(Fault(truncate=True))
    with reached(Upstream(two)) as target:
        service.add_mcp_server(URL, target)
        traced = await remote.post(f"/{row.id}/proxy/", json=CALL)
        async with remote.stream("POST", f"/{row.id}/proxy/", json=CALL) as cut:
            chunks = cut.aiter_raw()
            assert await read(chunks, len(FIRST)) == FIRST
            with pytest.raises(httpx.RemoteProtocolError):
                await anext(chunks)
    assert (traced.content, traced.headers["x-trace"]) == (FIRST + SECOND, "t")


async def test_a_client_may_leave_a_call_that_a_fault_waits_for(
    service: EmbeddedService, remote: httpx.AsyncClient, row: InstallationRecord, caplog: pytest.LogCaptureFixture
) -> None:
    service.inject(Fault(headers={"X-Trace": "t"}))
    upstream = Upstream(silence)
    service.add_mcp_server(URL, upstream)
    call = asyncio.create_task(remote.post(f"/{row.id}/proxy/", json=CALL))
    await upstream.gate.reached()
    call.cancel()
    await eventually(lambda: service.in_flight == 0)
    assert upstream.left == 1
    assert caplog.records == []
