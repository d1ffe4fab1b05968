"""`transport="aiohttp"`: its errors, cancelled calls, and bytes that belong to no call."""

import asyncio
import gc
import json
import os
import select
import socket
import ssl
import traceback
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import trustme
from attrs import define, field

from posthog_mcp_store import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    ConfigurationError,
    MCPStore,
    NotFoundError,
    ResponseDecodeError,
)
from posthog_mcp_store._transport.aiohttp_session import reason

from ..support.event_loop import loop_rounds
from ..support.listener import Listener, is_over
from ..support.serving import Conversation, answer_bytes, read_request, serving
from ..support.wire import ID, SERVER_ID, installation

KEY = "phx_the_secret_key"
PATH = "a-path-that-nobody-may-see"
CALLBACK = f"http://localhost:8239/{PATH}"
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
ROW = answer_bytes(json.dumps(installation()).encode(), {"Content-Type": "application/json"})
RESET = b"\1\0\0\0\0\0\0\0"
"""To linger for no time: the connection is reset when it is closed."""
LARGE = 16 * 1024 * 1024
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
Step = Callable[[MCPStore], Coroutine[Any, Any, object]]


def open_aiohttp(port: int, **options: Any) -> MCPStore:
    settings = {"host": f"http://127.0.0.1:{port}", "max_retries": 0, "transport": "aiohttp"}
    return MCPStore(KEY, **{**settings, "api_prefix": "environments", **options})


@asynccontextmanager
async def store_over(converse: Conversation, **options: Any) -> AsyncIterator[MCPStore]:
    async with serving(converse) as port, open_aiohttp(port, **options) as store:
        yield store


async def install(store: MCPStore) -> object:
    return await store.installations.install_custom(name="a", url="https://a.example.com", auth_type="api_key")


async def retrieve(store: MCPStore) -> object:
    return await store.installations.retrieve(ID)


async def authorize(store: MCPStore) -> object:
    return await store.installations.authorize(server_id=SERVER_ID, posthog_code_callback_url=CALLBACK)


async def await_proxy(store: MCPStore) -> object:
    return await store.installations.proxy(ID, PING)


async def stream_proxy(store: MCPStore) -> object:
    async with store.installations.proxy(ID, PING) as stream:
        return [message async for message in stream]


# Contents of errors


def frames_of(error: BaseException) -> list[Any]:
    return [frame for frame, _ in traceback.walk_tb(error.__traceback__)]


def everything_kept_by(error: BaseException) -> str:
    """Everything a crash reporter could show: the chain of causes, with the variables of all frames."""
    said, chain = [], [error]
    while chain:
        seen = chain.pop()
        said += [str(seen), repr(seen), repr(seen.args), repr(vars(seen))]
        said += [repr(value) for frame in frames_of(seen) for value in frame.f_locals.values()]
        chain += [error for error in (seen.__cause__, seen.__context__) if error is not None]
    return "\n".join(said)


def libraries_in(error: BaseException) -> set[str]:
    """The HTTP libraries whose frames an error keeps."""
    names = {str(frame.f_globals["__name__"]).partition(".")[0] for frame in frames_of(error)}
    return names & {"aiohttp", "httpcore", "httpx", "httpx_aiohttp"}


async def echo_as_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head, _ = await read_request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nX Echo " + head.replace(b"\r\n", b" ") + b"\r\n\r\n")


async def echo_as_status(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head, _ = await read_request(reader)
    writer.write(head)


async def echo_in_half_a_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head, _ = await read_request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nX-Echo: " + head.replace(b"\r\n", b" ") + b"\r\n")


async def echo_in_half_a_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head, _ = await read_request(reader)
    headers = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n"
    writer.write(headers + b"X-Echo: " + head.replace(b"\r\n", b" ") + b"\r\n\r\n" + head)


async def echo_as_length_of_chunk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head, _ = await read_request(reader)
    writer.write(STREAM + b"5\r\n: a\n\n\r\n" + head.replace(b"\r\n", b" ") + b"\r\n")


async def hang_up(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await read_request(reader)


async def be_silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read(-1)


async def stall_in_the_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head, _ = await read_request(reader)
    writer.write(STREAM + b"%x\r\n: " % (len(head) + 2) + head + b"\r\n")
    await reader.read(-1)


FAILING: list[Conversation] = [
    echo_as_head,
    echo_as_status,
    echo_in_half_a_head,
    echo_in_half_a_body,
    echo_as_length_of_chunk,
    hang_up,
    be_silent,
    stall_in_the_body,
]


@pytest.mark.parametrize("call", [retrieve, authorize, install, await_proxy, stream_proxy])
@pytest.mark.parametrize("converse", FAILING)
async def test_no_failed_attempt_keeps_the_key_or_anything_of_aiohttp(converse: Conversation, call: Step) -> None:
    async with store_over(converse, timeout=0.3) as store:
        with pytest.raises((APIConnectionError, ResponseDecodeError)) as caught:
            await call(store)

    error = caught.value
    assert isinstance(error, APIConnectionError)
    assert (error.__cause__, error.__context__, libraries_in(error)) == (None, None, set())
    kept = everything_kept_by(error)
    assert KEY not in kept
    assert KEY[:10] not in str(error)
    assert PATH not in str(error)


async def test_no_refused_connection_keeps_the_key_or_anything_of_aiohttp() -> None:
    async with open_aiohttp(1) as store:
        with pytest.raises(APIConnectionError, match="Cannot connect to host") as caught:
            await authorize(store)

    error = caught.value
    assert (error.__cause__, error.__context__, libraries_in(error)) == (None, None, set())
    assert KEY not in everything_kept_by(error)
    assert PATH not in str(error)


@pytest.mark.parametrize("converse", [be_silent, stall_in_the_body])
@pytest.mark.parametrize("call", [retrieve, install, stream_proxy])
async def test_no_call_that_is_out_of_time_keeps_the_key(converse: Conversation, call: Step) -> None:
    async with store_over(converse) as store:
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(0.2):
                await call(store)

    assert KEY not in everything_kept_by(caught.value)
    assert caught.value.__cause__ is not None
    assert libraries_in(caught.value.__cause__) == set()


async def test_no_message_shows_the_query_of_a_url_that_a_body_could_not_be_sent_to() -> None:
    async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(answer_bytes(b"", {"Location": f"/elsewhere/?to={PATH}"}, 307))
        await reader.readuntil(b"\r\n\r\n")
        # It says goodbye, and reads on.
        writer.write_eof()
        while await reader.read(65_536):
            pass

    async with store_over(redirect) as store:
        with pytest.raises(APIConnectionError) as caught:
            await install_largely(store)

    assert PATH not in str(caught.value)


def test_no_message_shows_the_query_of_a_url_that_aiohttp_quotes() -> None:
    """aiohttp says so when its writer meets a connection that is closing: no server can make sure that it does."""
    error = aiohttp.ClientOSError(32, f"Can not write request body for https://us.posthog.com/a/?callback={PATH}")

    assert reason(error) == "ClientOSError: [Errno 32] Can not write request body for https://us.posthog.com/a/"


# Kinds of errors


@pytest.mark.parametrize("call", [retrieve, install, stream_proxy])
async def test_a_server_that_hangs_up_is_not_a_timeout(call: Step) -> None:
    async with store_over(hang_up) as store:
        with pytest.raises(APIConnectionError, match="ServerDisconnectedError: Server disconnected") as caught:
            await call(store)

    assert (type(caught.value), caught.value.is_sent) == (APIConnectionError, True)


async def test_a_reset_is_not_a_timeout() -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        writer.transport.abort()

    async with store_over(reset) as store:
        with pytest.raises(APIConnectionError, match="Connection reset by peer") as caught:
            await install(store)

    assert (type(caught.value), caught.value.is_sent) == (APIConnectionError, True)


async def test_a_refused_connection_is_not_a_timeout_and_got_nothing() -> None:
    async with open_aiohttp(1) as store:
        with pytest.raises(APIConnectionError) as caught:
            await install(store)

    assert (type(caught.value), caught.value.is_sent) == (APIConnectionError, False)


async def test_a_host_that_no_name_is_for_got_nothing() -> None:
    async with open_aiohttp(1, host="https://mcp-store.invalid") as store:
        with pytest.raises(APIConnectionError) as caught:
            await install(store)

    assert (type(caught.value), caught.value.is_sent) == (APIConnectionError, False)


@pytest.mark.parametrize("converse", [be_silent, stall_in_the_body])
async def test_a_server_that_is_silent_is_a_timeout(converse: Conversation) -> None:
    async with store_over(converse, timeout=0.5) as store:
        with pytest.raises(APITimeoutError, match=r"no response in time \(ReadTimeout, timeout 0\.5 s\)") as caught:
            await retrieve(store)

    assert caught.value.is_sent


async def test_a_handshake_that_never_ends_is_a_timeout_and_got_nothing() -> None:
    async with serving(be_silent) as port, open_aiohttp(port, host=f"https://127.0.0.1:{port}", timeout=0.2) as store:
        with pytest.raises(APITimeoutError, match="ConnectTimeout") as caught:
            await install(store)

    assert not caught.value.is_sent


# Cancelled calls


@pytest.mark.parametrize("rounds", range(16))
async def test_nothing_is_sent_after_a_call_was_cancelled(listener: Listener, rounds: int) -> None:
    async with open_aiohttp(listener.port) as store:
        calls = [asyncio.create_task(install(store)) for _ in range(20)]
        await loop_rounds(rounds)
        for call in calls:
            call.cancel()
        sent = listener.take()
        await asyncio.wait(calls)

        await loop_rounds(10)
        assert all(call.cancelled() for call in calls)
        assert listener.take() == sent
        await listener.until(is_over)


async def install_largely(store: MCPStore) -> object:
    """Send more than the network takes in while nobody reads."""
    return await store.installations.install_custom(
        name="x" * LARGE, url="https://a.example.com", auth_type="api_key", api_key="k"
    )


async def test_a_body_is_cut_off_when_its_call_is_cancelled(listener: Listener) -> None:
    async with open_aiohttp(listener.port) as store:
        call = asyncio.create_task(install_largely(store))
        await listener.until(lambda seen: seen.received.startswith(b"POST"))
        call.cancel()
        sent = listener.take()
        await asyncio.wait((call,))
        await listener.until(is_over)

    assert call.cancelled()
    assert len(listener.received) == sent < LARGE


async def test_a_server_that_does_not_take_a_body_is_a_timeout(listener: Listener) -> None:
    async with open_aiohttp(listener.port, timeout=0.5) as store, asyncio.timeout(10):
        with pytest.raises(APITimeoutError, match=r"WriteTimeout, timeout 0\.5 s") as caught:
            await install_largely(store)

    assert caught.value.is_sent
    await listener.until(is_over)
    assert len(listener.received) < LARGE


async def test_a_handshake_that_is_cancelled_leaves_no_connection(listener: Listener) -> None:
    async with open_aiohttp(listener.port, host=f"https://127.0.0.1:{listener.port}") as store:
        calls = [asyncio.create_task(install(store)) for _ in range(40)]
        await listener.until(lambda seen: len(seen.accepted) == 40 and len(seen.received) > 40 * 100)
        for call in calls:
            call.cancel()
        await asyncio.wait(calls)
        sent = listener.take()
        await listener.until(is_over)

    assert len(listener.received) == sent


@define
class Stalling:
    """Sends something to the first requests and no more; the others get their response."""

    stalled: int
    says: bytes
    asked: int = 0
    changed: asyncio.Condition = field(factory=asyncio.Condition)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            async with self.changed:
                self.asked += 1
                is_stalled = self.asked <= self.stalled
                writer.write(self.says if is_stalled else ROW)
                self.changed.notify_all()
            if is_stalled:
                await reader.read(1)

    async def until_asked(self, times: int) -> None:
        async with asyncio.timeout(5), self.changed:
            await self.changed.wait_for(lambda: self.asked == times)


stages = pytest.mark.parametrize(
    ("says", "call"),
    [
        (b"", retrieve),
        (b"", install),
        (b"HTTP/1.1 200 OK\r\nContent-", retrieve),
        (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{", retrieve),
        (STREAM + b"5\r\n: a\n\n\r\n", await_proxy),
        (STREAM + b"5\r\n: a\n\n\r\n", stream_proxy),
    ],
)


@stages
async def test_calls_that_are_cancelled_do_not_delay_others(says: bytes, call: Step) -> None:
    server = Stalling(40, says)
    async with store_over(server, max_concurrency=40) as store:
        calls = [asyncio.create_task(call(store)) for _ in range(40)]
        queued = [asyncio.create_task(call(store)) for _ in range(40)]
        await server.until_asked(40)
        await loop_rounds(5)
        for task in (*queued, *calls):
            task.cancel()
        await asyncio.wait((*queued, *calls))
        async with asyncio.timeout(10):
            await asyncio.gather(*(retrieve(store) for _ in range(40)))

    assert server.asked == 80


async def test_a_call_that_is_out_of_time_frees_its_place(listener: Listener) -> None:
    server = Stalling(3, b"")
    async with store_over(server, max_concurrency=1) as store, asyncio.timeout(10):
        for _ in range(3):
            with pytest.raises(APITimeoutError):
                await install(store.with_options(deadline=0.5))
        await retrieve(store)

    assert server.asked == 4


async def test_a_reader_that_is_cancelled_loses_nothing() -> None:
    async def stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(STREAM)
        await goes_on.wait()
        event = b'data: {"jsonrpc": "2.0", "id": 1, "result": {}}\n\n'
        writer.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(event), event))
        await reader.read(-1)

    goes_on = asyncio.Event()
    async with store_over(stream) as store, store.installations.proxy(ID, PING) as messages:
        reading = asyncio.ensure_future(anext(messages))
        await loop_rounds(5)
        reading.cancel()
        await asyncio.wait((reading,))
        goes_on.set()
        assert [message["id"] async for message in messages] == [1]


# Closing


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("rounds", range(12))
async def test_nothing_is_sent_after_a_store_was_closed(listener: Listener, rounds: int, scheme: str) -> None:
    store = open_aiohttp(listener.port, host=f"{scheme}://127.0.0.1:{listener.port}", max_concurrency=20)
    calls = [asyncio.create_task(install(store)) for _ in range(40)]
    await loop_rounds(rounds)
    async with asyncio.timeout(5):
        await store.aclose()
        sent = listener.take()
        errors = await asyncio.gather(*calls, return_exceptions=True)

    assert {type(error) for error in errors} == {ConfigurationError}
    assert {KEY in everything_kept_by(error) for error in errors if isinstance(error, Exception)} == {False}
    await listener.until(is_over)
    assert listener.take() == sent


@stages
async def test_closing_a_store_ends_calls_under_way(says: bytes, call: Step) -> None:
    server = Stalling(5, says)
    async with serving(server) as port:
        store = open_aiohttp(port, max_concurrency=5)
        calls = [asyncio.create_task(call(store)) for _ in range(10)]
        await server.until_asked(5)
        await loop_rounds(5)
        async with asyncio.timeout(5):
            await store.aclose()
            errors = await asyncio.gather(*calls, return_exceptions=True)

    assert {type(error) for error in errors} == {ConfigurationError}
    assert server.asked == 5


async def test_closing_a_store_ends_a_stream_that_nobody_reads() -> None:
    server = Stalling(1, STREAM + b"5\r\n: a\n\n\r\n")
    async with store_over(server) as store, store.installations.proxy(ID, PING) as messages:
        await store.aclose()
        with pytest.raises(ConfigurationError, match="closed"):
            await anext(messages)


async def test_closing_a_store_closes_a_stream_that_is_never_left(recwarn: pytest.WarningsRecorder) -> None:
    server = Stalling(1, STREAM + b"5\r\n: a\n\n\r\n")
    async with serving(server) as port:
        store = open_aiohttp(port)
        stream = await store.installations.proxy(ID, PING).__aenter__()
        await store.aclose()
        del stream
        gc.collect()

    assert [str(warning.message) for warning in recwarn] == []


async def test_two_event_loops_at_once_are_one_clear_error() -> None:
    async with store_over(Stalling(0, b"")) as store:
        await retrieve(store)
        with pytest.raises(ConfigurationError, match="another event loop"):
            await asyncio.to_thread(asyncio.run, retrieve(store))


# Stray bytes


ABSENT = answer_bytes(b'{"detail": "Not found."}', {"Content-Type": "application/json"}, 404)
NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"


@pytest.mark.parametrize(
    "stray",
    [
        NO_CONTENT,
        NO_CONTENT * 3,
        ROW,
        NO_CONTENT[:-2],
        b"HTTP/1.1 2",
        b"\r\n",
        b"\r\n" + NO_CONTENT,
        b"x",
    ],
)
@pytest.mark.usefixtures("poll")
@pytest.mark.parametrize("comes", ["at once", "later"])
async def test_bytes_after_a_response_belong_to_no_call(stray: bytes, comes: str) -> None:
    first_of: list[str] = []

    async def say_more(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head, _ = await read_request(reader)
            if head.startswith(b"DELETE"):
                first_of.append("DELETE")
                writer.write(ABSENT)
            elif comes == "at once":
                writer.write(ROW + stray)
            else:
                writer.write(ROW)
                writer.transport.write(b"")
                await told.wait()
                writer.write(stray)

    told = asyncio.Event()
    async with store_over(say_more) as store:
        # Where it can't be read, aiohttp refuses what came with it, too.
        with suppress(APIConnectionError):
            await retrieve(store)
        told.set()
        await loop_rounds(5)
        with pytest.raises(NotFoundError):
            await store.installations.delete(ID)

    assert first_of == ["DELETE"]


async def test_bytes_that_have_just_come_after_a_response_belong_to_no_call(listener: Listener) -> None:
    async with open_aiohttp(listener.port) as store:
        call = asyncio.create_task(retrieve(store))
        await listener.until(lambda seen: seen.received.endswith(b"\r\n\r\n"))
        listener.accepted[0].sendall(ROW)
        await call
        # The event loop has had no time to read it when the next call begins.
        listener.accepted[0].sendall(NO_CONTENT)
        deletion = asyncio.create_task(store.installations.delete(ID))
        await listener.until(lambda seen: b"DELETE" in seen.received)
        listener.accepted[-1].sendall(ABSENT)
        with pytest.raises(NotFoundError):
            await deletion


async def test_bytes_before_the_first_request_belong_to_no_call(listener: Listener) -> None:
    async with open_aiohttp(listener.port) as store:
        call = asyncio.create_task(retrieve(store))
        await listener.until(lambda seen: len(seen.accepted) == 1)
        listener.accepted[0].sendall(ROW)
        with pytest.raises(APIConnectionError, match="sent something before it was asked") as caught:
            await call

    assert not caught.value.is_sent
    assert listener.take() == 0


@pytest.mark.parametrize("status", [204, 304])
@pytest.mark.parametrize("comes", ["at once", "later"])
async def test_a_body_that_a_bodiless_response_announces_belongs_to_no_call(status: int, comes: str) -> None:
    async def announce(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, _ = await read_request(reader)
        head = b"HTTP/1.1 %d Status\r\nContent-Length: %d\r\n\r\n" % (status, len(NO_CONTENT))
        writer.write(head + NO_CONTENT if comes == "at once" else head)
        await read_request(reader)
        writer.write(NO_CONTENT + ABSENT)

    async def tell_apart(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        if len(connections) == 1:
            await announce(reader, writer)
        else:
            await read_request(reader)
            writer.write(ABSENT)

    connections: list[asyncio.StreamWriter] = []
    async with store_over(tell_apart) as store:
        with suppress(APIStatusError):
            await store.installations.delete(ID)
        with pytest.raises(NotFoundError):
            await store.installations.delete(ID)

    assert len(connections) == 2


async def test_a_connection_with_nothing_left_on_it_is_used_again() -> None:
    connections: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        while True:
            head, _ = await read_request(reader)
            writer.write(NO_CONTENT if head.startswith(b"DELETE") else ROW)

    async with store_over(serve) as store:
        for _ in range(3):
            await retrieve(store)
            await store.installations.delete(ID)

    assert len(connections) == 1


@pytest.fixture(params=["poll", "no poll"])
def poll(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Operating systems with and without `select.poll`."""
    if request.param == "no poll":
        monkeypatch.delattr(select, "poll", raising=False)


@pytest.mark.usefixtures("poll")
async def test_a_connection_is_looked_at_for_nobody_who_is_gone() -> None:
    server = Stalling(0, b"")
    async with store_over(server) as store, asyncio.timeout(5):
        await retrieve(store)
        for rounds in range(6):
            call = asyncio.create_task(retrieve(store))
            await loop_rounds(rounds)
            call.cancel()
            await asyncio.wait((call,))
        asked = server.asked
        await retrieve(store)

    assert server.asked == asked + 1


# TLS


@pytest.mark.parametrize("call", [retrieve, install])
async def test_a_broken_tls_record_is_a_lost_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Step
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    asked: list[str] = []

    async def break_record(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        asked.append("once")
        # Below TLS: a record of application data that nobody encrypted.
        beneath = writer.transport.get_extra_info("socket")
        os.write(beneath.fileno(), b"\x17\x03\x03\x00\x20" + b"x" * 32)
        await reader.read(-1)

    async with serving(break_record, context) as port:
        host = f"https://127.0.0.1:{port}"
        async with open_aiohttp(port, host=host, max_retries=1) as store, asyncio.timeout(10):
            with pytest.raises(APIConnectionError) as caught:
                await call(store)

    error = caught.value
    assert (type(error), error.is_sent) == (APIConnectionError, True)
    assert (error.__cause__, error.__context__, libraries_in(error)) == (None, None, set())
    assert KEY not in everything_kept_by(error)
    assert len(asked) == (2 if call is retrieve else 1)
