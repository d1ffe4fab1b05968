"""Streams through the proxy: messages as they arrive, and the connection afterwards."""

import asyncio
import gc
import gzip
import json
import random
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest

from posthog_mcp_store import (
    APIConnectionError,
    APITimeoutError,
    ConfigurationError,
    MCPStore,
    RateLimitError,
    ReauthenticationRequiredError,
    ResponseDecodeError,
    ResponseInfo,
)
from posthog_mcp_store.testing import EmbeddedService, Fault

from ..support.arrivals import Arrivals
from ..support.certificates import NO_CERTIFICATES
from ..support.event_loop import until_alone
from ..support.factories import TRANSPORT, httpx_only
from ..support.stream_server import StreamServer, serve_streams
from ..support.wire import ID, Wire

Faked = Callable[..., MCPStore]
Open = Callable[..., MCPStore]

ASK = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "count"}}
ANSWER = {"jsonrpc": "2.0", "id": 1, "result": {"counted": 3}}


def progress(number: int) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progress": number}}


def event(message: object) -> bytes:
    return f"data: {json.dumps(message)}\n\n".encode()


@pytest.fixture
def served() -> Iterator[tuple[StreamServer, str]]:
    with serve_streams() as served:
        yield served


@pytest.fixture
def stream_server(served: tuple[StreamServer, str]) -> StreamServer:
    return served[0]


@pytest.fixture(params=["the SDK's connections", "a client of the user's own"])
async def open_store(request: pytest.FixtureRequest, served: tuple[StreamServer, str]) -> AsyncIterator[Open]:
    """Makes stores on the stream server, on either kind of connections."""
    stores: list[MCPStore] = []
    async with httpx.AsyncClient(verify=NO_CERTIFICATES) as client:

        def make(**options: Any) -> MCPStore:
            is_own = request.param == "a client of the user's own"
            kind = {"http_client": client} if is_own else {"transport": TRANSPORT}
            stores.append(MCPStore(**{"api_key": "phx_key", "host": served[1], **kind, **options}))
            return stores[-1]

        yield make
        for store in stores:
            await store.aclose()


class Chunks(httpx.AsyncByteStream):
    """A body that arrives in these chunks, and may break off."""

    def __init__(self, *chunks: bytes, breaks: bool = False) -> None:
        self.chunks = chunks
        self.breaks = breaks
        self.is_closed = False
        self.is_read = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self.chunks:
            yield chunk
        if self.breaks:
            raise httpx.ReadError("reset")
        self.is_read = True

    async def aclose(self) -> None:
        self.is_closed = True


class Silence(httpx.AsyncByteStream):
    """A body of which nothing ever arrives."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b""


def streamed(
    *chunks: bytes, breaks: bool = False, headers: dict[str, str] | None = None
) -> tuple[httpx.Response, Chunks]:
    body = Chunks(*chunks, breaks=breaks)
    return httpx.Response(200, stream=body, headers={"Content-Type": "text/event-stream", **(headers or {})}), body


async def read(store: MCPStore, message: Any = ASK) -> list[dict[str, Any]]:
    async with store.installations.proxy(ID, message) as stream:
        return [answer async for answer in stream]


# As they arrive


async def test_each_message_is_given_when_it_arrives(stream_server: StreamServer, open_store: Open) -> None:
    async with open_store().installations.proxy(ID, ASK) as stream:
        assert stream.session_id == "s-1"
        for number in range(3):
            stream_server.send(event(progress(number)))
            assert await asyncio.wait_for(anext(stream), 5) == progress(number)
        stream_server.send(event(ANSWER)[:-1])
        stream_server.send(b"\n")
        stream_server.end()

        assert [message async for message in stream] == [ANSWER]
    assert [json.loads(request) for request in stream_server.requests] == [ASK]


BODY = (
    b"\xef\xbb\xbf: hi\r\n\r\nid: 1\r\nretry: 5\r\ndata: "
    + json.dumps(progress(1)).encode()
    + b"\r\n\r\n"
    + ('data: {"jsonrpc":"2.0",\r\ndata: "id":1,"result":"é漢🙂"}\r\n\r\n'.encode())
)


@pytest.mark.parametrize("line_end", [b"\r\n", b"\n", b"\r"])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 4096])
async def test_messages_are_the_same_wherever_the_network_cuts(
    wire: Wire, faked: Faked, size: int, line_end: bytes
) -> None:
    body = BODY.replace(b"\r\n", line_end)
    wire.answers(streamed(*[body[at : at + size] for at in range(0, len(body), size)])[0])

    assert await read(faked()) == [progress(1), {"jsonrpc": "2.0", "id": 1, "result": "é漢🙂"}]


async def test_a_json_response_can_be_streamed_too(wire: Wire, faked: Faked) -> None:
    for body, messages in ((ANSWER, [ANSWER]), ([progress(1), ANSWER], [progress(1), ANSWER])):
        wire.answers(httpx.Response(200, json=body))
        assert await read(faked()) == messages


async def test_a_notification_has_an_empty_stream(wire: Wire, faked: Faked) -> None:
    wire.answers(httpx.Response(202))

    assert await read(faked(), {"jsonrpc": "2.0", "method": "notifications/initialized"}) == []


async def test_a_compressed_stream_is_read(wire: Wire, faked: Faked) -> None:
    packed = gzip.compress(event(progress(1)) + event(ANSWER))
    wire.answers(streamed(packed[:20], packed[20:], headers={"Content-Encoding": "gzip"})[0])

    assert await read(faked()) == [progress(1), ANSWER]


async def test_a_body_that_a_hook_has_read_is_read_again(wire: Wire) -> None:
    async def hook(response: httpx.Response) -> None:
        await response.aread()

    wire.answers(streamed(event(ANSWER))[0])
    async with httpx.AsyncClient(transport=httpx.MockTransport(wire), event_hooks={"response": [hook]}) as client:
        assert await read(MCPStore("phx_key", http_client=client)) == [ANSWER]


# Ends that are failures


async def test_a_stream_that_ends_without_the_response_says_so(wire: Wire, faked: Faked) -> None:
    wire.answers(streamed(event(progress(1)), b'data: {"jsonrpc":"2.0","id":1')[0])
    seen: list[dict[str, Any]] = []

    async def keep() -> None:
        async with faked().installations.proxy(ID, ASK) as stream:
            async for message in stream:
                seen.append(message)  # noqa: PERF401  # what came before the failure counts

    with pytest.raises(ResponseDecodeError, match="it ended without a response to request 1") as caught:
        await keep()

    assert seen == [progress(1)]
    assert (caught.value.status_code, caught.value.body[:6]) == (200, b"data: ")


async def test_an_error_without_an_id_is_a_response(wire: Wire, faked: Faked) -> None:
    error = {"jsonrpc": "2.0", "id": None, "error": {"code": -32700, "message": "Parse error"}}
    wire.answers(streamed(event(error))[0])

    assert await read(faked()) == [error]


@pytest.mark.parametrize(
    "other",
    [
        {"jsonrpc": "2.0", "id": 1, "method": "sampling/createMessage"},
        {"jsonrpc": "2.0", "id": True, "result": 1},
        {"jsonrpc": "2.0", "id": "one", "result": 1},
        {"jsonrpc": "2.0", "id": None, "result": 1},
    ],
)
async def test_a_message_that_only_resembles_the_response_is_not_taken_for_it(
    wire: Wire, faked: Faked, other: dict[str, Any]
) -> None:
    wire.answers(streamed(event(other))[0])

    with pytest.raises(ResponseDecodeError, match="without a response to request 1"):
        await read(faked())


async def test_an_acknowledgement_is_read_to_its_end_so_that_its_connection_can_be_used_again(
    wire: Wire, faked: Faked
) -> None:
    answer, body = streamed(b"Acc", b"epted", headers={"Content-Type": "text/plain"})
    wire.answers(answer)

    await faked().installations.proxy(ID, {"jsonrpc": "2.0", "method": "notifications/initialized"})

    assert body.is_read


async def test_a_connection_that_breaks_within_an_acknowledgement_is_not_an_error(wire: Wire, faked: Faked) -> None:
    wire.answers(streamed(b"Acc", breaks=True, headers={"Content-Type": "text/plain"})[0])

    assert await read(faked(), {"jsonrpc": "2.0", "method": "notifications/initialized"}) == []


async def test_a_response_whose_session_can_not_be_sent_back_is_closed(wire: Wire, faked: Faked) -> None:
    answer, body = streamed(event(ANSWER), headers={"Mcp-Session-Id": "a session"})
    wire.answers(answer)

    with pytest.raises(ResponseDecodeError, match="Mcp-Session-Id"):
        await faked().installations.proxy(ID, {**ASK, "method": "initialize"})
    assert body.is_closed


async def test_the_result_of_a_tool_is_worth_more_than_its_session(wire: Wire, faked: Faked) -> None:
    wire.answers(streamed(event(ANSWER), headers={"Mcp-Session-Id": "a session"})[0])

    reply = await faked().installations.proxy(ID, ASK)

    assert (reply.result(), reply.session_id) == (ANSWER["result"], None)


async def test_an_error_without_an_id_ends_a_batch_only_where_nothing_else_comes(wire: Wire, faked: Faked) -> None:
    error = {"jsonrpc": "2.0", "id": None, "error": {"code": -32700, "message": "Parse error"}}
    batch = [ASK, {**ASK, "id": 2}]
    answers = [ANSWER, {**ANSWER, "id": 2}]

    wire.answers(streamed(event(error), *map(event, answers))[0])
    assert await read(faked(), batch) == [error, *answers]

    wire.answers(streamed(event(error))[0])
    assert await read(faked(), batch) == [error]


async def test_a_response_to_the_server_awaits_none_itself(wire: Wire, faked: Faked) -> None:
    wire.answers(streamed(event(progress(1)), event(progress(2)))[0])

    assert await read(faked(), {"jsonrpc": "2.0", "id": "s-1", "result": {}}) == [progress(1), progress(2)]


async def test_messages_in_front_of_a_break_are_not_lost(wire: Wire, faked: Faked) -> None:
    wire.answers(streamed(event(progress(1)) + event(progress(2)), b"", breaks=True)[0])

    async with faked().installations.proxy(ID, ASK) as stream:
        assert [await anext(stream), await anext(stream)] == [progress(1), progress(2)]
        with pytest.raises(APIConnectionError, match="reset"):
            await anext(stream)


async def test_an_empty_chunk_is_not_the_end(wire: Wire, faked: Faked) -> None:
    wire.answers(streamed(b"", event(progress(1)), b"", event(ANSWER))[0])

    assert await read(faked()) == [progress(1), ANSWER]


async def test_the_content_type_is_matched_in_any_case(wire: Wire, faked: Faked) -> None:
    wire.answers(streamed(event(ANSWER), headers={"Content-Type": "Text/Event-Stream; Charset=UTF-8"})[0])

    assert await read(faked()) == [ANSWER]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"data: {\n\n", "it is not JSON"),
        (b"data: 7\n\n", "not a JSON-RPC object"),
        (b"data: [1]\n\n", "not a JSON-RPC object"),
    ],
)
async def test_messages_in_front_of_a_bad_one_are_not_lost(wire: Wire, faked: Faked, bad: bytes, reason: str) -> None:
    answer, body = streamed(event(progress(1)) + bad + event(ANSWER))
    wire.answers(answer)

    async with faked().installations.proxy(ID, ASK) as stream:
        assert await anext(stream) == progress(1)
        for _ in range(2):
            with pytest.raises(ResponseDecodeError, match=reason):
                await anext(stream)
        assert body.is_closed


async def test_a_stream_of_something_else_is_refused(wire: Wire, faked: Faked) -> None:
    wire.answers(streamed(b" ", b"<html>", headers={"Content-Type": "text/html"})[0])

    with pytest.raises(ResponseDecodeError, match="its content type is text/html"):
        await read(faked())


async def test_a_stream_whose_encoding_is_broken_is_refused(wire: Wire, faked: Faked) -> None:
    wire.answers(streamed(event(ANSWER), headers={"Content-Encoding": "gzip"})[0])

    with pytest.raises(ResponseDecodeError, match="its content encoding is broken"):
        await read(faked())


async def test_a_broken_connection_is_an_error_and_nothing_is_sent_again(wire: Wire, faked: Faked) -> None:
    wire.answers(streamed(event(progress(1)), breaks=True)[0])

    with pytest.raises(APIConnectionError, match="ReadError: reset") as caught:
        await read(faked(max_retries=5))

    assert caught.value.is_sent
    assert len(wire.requests) == 1


async def test_a_connection_that_breaks_after_the_response_is_not_an_error(wire: Wire, faked: Faked) -> None:
    wire.answers(streamed(event(ANSWER), breaks=True)[0])

    assert await read(faked()) == [ANSWER]


@pytest.mark.parametrize(
    "body",
    [b"data: " + b"x" * 100, b"data: " + b"x" * 50 + b"\ndata: " + b"x" * 50, b": " + b"x" * 100, b"x" * 100],
)
async def test_an_event_over_the_cap_is_refused_before_it_ends(wire: Wire, faked: Faked, body: bytes) -> None:
    wire.answers(streamed(event({"jsonrpc": "2.0", "method": "x"}), body)[0])
    store = faked(max_response_bytes=90)

    async with store.installations.proxy(ID, ASK) as stream:
        await anext(stream)
        with pytest.raises(ResponseDecodeError, match="larger than the 90 bytes of max_response_bytes"):
            await anext(stream)


async def test_the_limit_holds_for_each_message_of_a_stream_and_for_a_whole_reply(wire: Wire, faked: Faked) -> None:
    store = faked(max_response_bytes=100)
    chunks = [event(progress(number)) + b": a comment that counts for nothing\n" for number in range(20)]

    wire.answers(streamed(*chunks, event(ANSWER))[0])
    assert len(await read(store)) == 21

    wire.answers(streamed(*chunks, event(ANSWER))[0])
    with pytest.raises(ResponseDecodeError, match="its body is larger than the 100 bytes"):
        await store.installations.proxy(ID, ASK)

    wire.answers(httpx.Response(200, json={**ANSWER, "result": "x" * 100}))
    with pytest.raises(ResponseDecodeError, match="its body is larger than the 100 bytes"):
        await read(store)


@pytest.mark.parametrize("lines", [b"\n", b": comment\n", b"\r", b"data:{}\n\n"])
async def test_other_tasks_run_while_a_chunk_of_many_events_is_read(wire: Wire, faked: Faked, lines: bytes) -> None:
    chunk = lines * (150_000 // len(lines)) + b"\n\n" + event(ANSWER)
    wire.answers(streamed(chunk)[0])
    reading = asyncio.create_task(read(faked()))
    turns = 0
    async with asyncio.timeout(30):
        while not reading.done():
            await asyncio.sleep(0)
            turns += 1

    assert await reading == [ANSWER]
    assert turns > len(chunk) // (32 * 1024)


@pytest.mark.parametrize("is_awaited", [True, False])
async def test_a_deadline_holds_while_a_chunk_of_many_events_is_read(
    wire: Wire, faked: Faked, is_awaited: bool
) -> None:
    wire.answers(streamed(b"\n" * 8_000_000 + event(ANSWER))[0])
    store = faked().with_options(deadline=0.1)

    with pytest.raises(APITimeoutError, match="deadline"):
        await (store.installations.proxy(ID, ASK) if is_awaited else read(store))


async def test_a_chunk_of_many_events_can_be_cancelled(wire: Wire, faked: Faked) -> None:
    answer, body = streamed(b"\n" * 8_000_000 + event(ANSWER))
    wire.answers(answer)

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(read(faked()), 0.1)
    assert body.is_closed


async def test_white_space_in_front_of_json_counts(wire: Wire, faked: Faked) -> None:
    body = [b" " * 100] * 11
    wire.answers(streamed(*body, json.dumps(ANSWER).encode(), headers={"Content-Type": "application/json"})[0])

    with pytest.raises(ResponseDecodeError, match="larger than the 1000 bytes"):
        await read(faked(max_response_bytes=1000))


async def test_the_responses_to_a_large_batch_come_in_any_order(wire: Wire, faked: Faked) -> None:
    batch = [{**ASK, "id": number} for number in range(4000)]
    answers = [{**ANSWER, "id": str(number)} for number in reversed(range(4000))]
    wire.answers(httpx.Response(200, json=answers))

    reply = await faked().installations.proxy(ID, batch)

    assert reply.result(3999) == reply.result(0) == ANSWER["result"]


async def test_silence_is_bounded_by_the_timeout(stream_server: StreamServer, open_store: Open) -> None:
    view = open_store().with_options(timeout=0.5)

    with pytest.raises(APITimeoutError, match=r"timeout 0\.5 s"):
        await asyncio.wait_for(read(view), 5)

    assert await stream_server.loses_client()
    assert len(stream_server.requests) == 1


async def test_a_deadline_bounds_the_whole_stream(stream_server: StreamServer, open_store: Open) -> None:
    view = open_store().with_options(deadline=0.5)

    async def drink() -> None:
        async with view.installations.proxy(ID, ASK) as stream:
            while True:
                stream_server.send(event(progress(1)))
                await asyncio.wait_for(anext(stream), 5)

    with pytest.raises(APITimeoutError, match=r"deadline of 0\.5 s"):
        await drink()

    assert await stream_server.loses_client()


async def test_a_deadline_counts_what_came_before_the_stream(wire: Wire, faked: Faked) -> None:
    wire.answers(httpx.Response(429, headers={"Retry-After": "1"}), httpx.Response(200, stream=Silence()))
    loop = asyncio.get_running_loop()
    began = loop.time()

    with pytest.raises(APITimeoutError, match=r"deadline of 1\.6 s"):
        await asyncio.wait_for(read(faked(max_retries=2).with_options(deadline=1.6)), 5)

    assert len(wire.requests) == 2
    assert 1.55 < loop.time() - began < 2.55


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (httpx.Response(429, text="typecodedetailattr", headers={"Retry-After": "99"}), RateLimitError),
        (httpx.Response(401, json={"error": "Authentication failed"}), ReauthenticationRequiredError),
    ],
)
async def test_an_error_is_raised_on_entering(
    wire: Wire, faked: Faked, answer: httpx.Response, expected: type[Exception]
) -> None:
    wire.answers(answer)

    with pytest.raises(expected):
        await read(faked())


# The connection


async def test_leaving_early_frees_the_connection(stream_server: StreamServer, open_store: Open) -> None:
    async with open_store().installations.proxy(ID, ASK) as stream:
        stream_server.send(event(progress(1)))
        async for _ in stream:
            break

    assert await stream_server.loses_client()


async def test_an_exception_in_the_loop_frees_the_connection(stream_server: StreamServer, open_store: Open) -> None:
    async def work() -> None:
        async with open_store().installations.proxy(ID, ASK) as stream:
            stream_server.send(event(progress(1)))
            async for _ in stream:
                raise LookupError

    with pytest.raises(LookupError):
        await work()
    assert await stream_server.loses_client()


async def test_cancelling_frees_the_connection(stream_server: StreamServer, open_store: Open) -> None:
    reached = asyncio.Event()

    async def work() -> None:
        async with open_store().installations.proxy(ID, ASK) as stream:
            reached.set()
            await anext(stream)

    task = asyncio.create_task(work())
    await asyncio.wait_for(reached.wait(), 5)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert await stream_server.loses_client()
    await until_alone()


async def test_a_stream_that_was_read_to_its_end_leaves_its_connection_to_the_next(
    stream_server: StreamServer, open_store: Open
) -> None:
    store = open_store()
    for _ in range(3):
        async with store.installations.proxy(ID, ASK) as stream:
            stream_server.send(event(ANSWER))
            stream_server.end()
            assert [message async for message in stream] == [ANSWER]

    assert len(set(stream_server.clients)) == 1


async def test_a_server_that_does_not_end_its_stream_is_not_waited_for(
    stream_server: StreamServer, open_store: Open
) -> None:
    store = open_store()
    asked = asyncio.ensure_future(store.installations.proxy(ID, ASK))
    assert await stream_server.receives_request()
    loop = asyncio.get_running_loop()
    answered = loop.time()
    stream_server.send(event(ANSWER))

    assert (await asyncio.wait_for(asked, 5)).result() == ANSWER["result"]
    assert 0.45 < loop.time() - answered < 4
    assert await stream_server.loses_client()


async def test_whoever_reads_a_stream_can_make_other_calls(stream_server: StreamServer, open_store: Open) -> None:
    store = open_store(max_concurrency=1)

    async with store.installations.proxy(ID, ASK) as first, store.installations.proxy(ID, ASK) as second:
        stream_server.send(event(ANSWER))
        assert [await asyncio.wait_for(anext(stream), 5) for stream in (first, second)] == [ANSWER, ANSWER]


async def test_a_reply_counts_as_under_way_until_it_is_complete(stream_server: StreamServer, open_store: Open) -> None:
    store = open_store(max_concurrency=1)
    first = asyncio.create_task(store.installations.proxy(ID, ASK))
    assert await stream_server.receives_request()

    with pytest.raises(APITimeoutError):
        await store.with_options(deadline=0.3).installations.proxy(ID, ASK)
    assert len(stream_server.requests) == 1
    stream_server.send(event(ANSWER))
    stream_server.end()
    await asyncio.wait_for(first, 5)

    second = asyncio.create_task(store.installations.proxy(ID, ASK))
    assert await stream_server.receives_request()
    stream_server.send(event(ANSWER))
    stream_server.end()
    assert (await asyncio.wait_for(second, 5)).messages == [ANSWER]


async def test_a_stream_gives_its_place_to_one_other_call_and_no_more(
    stream_server: StreamServer, open_store: Open
) -> None:
    store = open_store(max_concurrency=1)
    for is_read in (True, False):
        async with store.installations.proxy(ID, ASK) as stream:
            stream_server.send(event(ANSWER))
            await anext(stream)
            if is_read:
                stream_server.end()
                assert [message async for message in stream] == []
        stream_server.end()
    seen = len(stream_server.requests)

    first = asyncio.create_task(store.installations.proxy(ID, ASK))
    for _ in range(3):
        assert await stream_server.receives_request()
    with pytest.raises(APITimeoutError):
        await store.with_options(deadline=0.3).installations.proxy(ID, ASK)

    assert len(stream_server.requests) == seen + 1
    stream_server.send(event(ANSWER))
    stream_server.end()
    await asyncio.wait_for(first, 5)


async def test_a_stream_ends_with_its_store(stream_server: StreamServer, open_store: Open) -> None:
    store = open_store()
    async with store.installations.proxy(ID, ASK) as stream:
        reading = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        await store.aclose()

        with pytest.raises(ConfigurationError, match="closed"):
            await asyncio.wait_for(reading, 5)

    assert await stream_server.loses_client()
    await until_alone()


async def test_a_reader_that_gives_up_waiting_loses_nothing(stream_server: StreamServer, open_store: Open) -> None:
    async with open_store().installations.proxy(ID, ASK) as stream:
        for number in range(3):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(stream), 0.05)
            stream_server.send(event(progress(number)))
            assert await asyncio.wait_for(anext(stream), 5) == progress(number)


async def test_a_stream_that_is_closed_while_it_is_read_says_so(stream_server: StreamServer, open_store: Open) -> None:
    async with open_store().installations.proxy(ID, ASK) as stream:
        stream_server.send(event(progress(1)))
        await anext(stream)
        reading = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        await stream.aclose()

        with pytest.raises(ConfigurationError, match="this stream is closed"):
            await asyncio.wait_for(reading, 5)
    assert await stream_server.loses_client()


async def test_messages_just_after_the_last_response_are_read(wire: Wire, faked: Faked) -> None:
    wire.answers(streamed(event(ANSWER), b": bye\n", b"\n", event(progress(9)))[0])

    assert await read(faked()) == [ANSWER, progress(9)]


@httpx_only
async def test_a_call_that_is_cancelled_while_the_server_thinks_frees_its_connection(
    service: EmbeddedService, open_store: Open
) -> None:
    service.inject(Fault(delay=30, times=None))
    arrivals = Arrivals(service)
    store = open_store(api_key=service.api_key, host=service.base_url)
    call = asyncio.create_task(store.installations.proxy(ID, ASK))
    await arrivals.wait_for(1)

    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(call, 2)

    await until_alone()


@httpx_only
async def test_closing_waits_for_the_connections_of_calls_that_were_cancelled(
    service: EmbeddedService, open_store: Open
) -> None:
    row = service.add_installation()
    store = open_store(api_key=service.api_key, host=service.base_url)
    await store.installations.retrieve(row.id)
    others = asyncio.all_tasks()
    call = asyncio.create_task(store.installations.retrieve(row.id))
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call

    await store.aclose()

    assert asyncio.all_tasks() == others


@httpx_only
async def test_nothing_is_kept_of_the_connections_of_calls_that_were_cancelled(
    service: EmbeddedService, store: MCPStore
) -> None:
    row = service.add_installation()

    def transports() -> int:
        gc.collect()
        return sum(isinstance(each, httpx.AsyncHTTPTransport) for each in gc.get_objects())

    await store.installations.retrieve(row.id)
    before = transports()
    for _ in range(10):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await store.installations.retrieve(row.id)
        await until_alone()

    assert transports() <= before


async def test_a_call_that_is_cancelled_just_when_its_response_begins_closes_it() -> None:
    answer, body = streamed(event(ANSWER))

    async def handler(_: httpx.Request) -> httpx.Response:
        # After the attempt, which ends in this round of the loop, and before its caller resumes.
        asyncio.get_running_loop().call_soon(call.cancel)
        return answer

    async with httpx.AsyncClient(transport=httpx.MockTransport(handler)) as client:
        call = asyncio.create_task(MCPStore("phx_key", http_client=client).installations.proxy(ID, ASK))
        with pytest.raises(asyncio.CancelledError):
            await call

    assert body.is_closed


async def test_a_response_that_nobody_waits_for_any_more_is_closed() -> None:
    arrived, answering = asyncio.Event(), asyncio.Event()
    answer, body = streamed(event(ANSWER))

    async def think(_: httpx.Request) -> httpx.Response:
        arrived.set()
        await answering.wait()
        return answer

    async with httpx.AsyncClient(transport=httpx.MockTransport(think)) as client:
        call = asyncio.create_task(MCPStore("phx_key", http_client=client).installations.proxy(ID, ASK))
        await asyncio.wait_for(arrived.wait(), 5)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        answering.set()
        await until_alone()

    assert body.is_closed


async def test_a_stream_is_not_read_outside_its_block(stream_server: StreamServer, open_store: Open) -> None:
    async with open_store().installations.proxy(ID, ASK) as stream:
        stream_server.send(event(progress(1)))
        await anext(stream)

    with pytest.raises(ConfigurationError, match="this stream is closed: read it inside `async with`"):
        await anext(stream)


async def test_an_error_of_a_callback_leaves_no_stream_open(stream_server: StreamServer, open_store: Open) -> None:
    def fail(_: ResponseInfo) -> None:
        raise LookupError

    view = open_store().with_options(on_response=fail)
    with pytest.raises(LookupError):
        await read(view)

    assert await stream_server.loses_client()
    stream_server.answer_at_once(200, b"[]")
    with pytest.raises(LookupError):
        await view.installations.list()


async def test_connections_survive_a_storm_of_cancelled_streams(stream_server: StreamServer, open_store: Open) -> None:
    store = open_store(max_concurrency=4)
    chance = random.Random(7)

    async def work() -> None:
        with_reply = chance.random() < 0.5
        try:
            async with asyncio.timeout(chance.uniform(0, 0.05)):
                if with_reply:
                    await store.installations.proxy(ID, ASK)
                else:
                    await read(store)
        except TimeoutError:
            pass

    for _ in range(15):
        await asyncio.gather(*[work() for _ in range(10)])

    for _ in range(5):
        async with asyncio.timeout(10), store.installations.proxy(ID, ASK) as stream:
            stream_server.send(event(ANSWER))
            stream_server.end()
            assert [message async for message in stream] == [ANSWER]
    await store.aclose()
    await until_alone()
