"""LoopbackReceiver: real connections, from browsers and from everybody else who may make one."""

import asyncio
import gc
import socket
import struct
import sys
from asyncio.constants import ACCEPT_RETRY_DELAY
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from hashlib import sha256
from html.parser import HTMLParser
from itertools import cycle, islice
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx
import pytest

from posthog_mcp_store import (
    ConfigurationError,
    LoopbackReceiver,
    OAuthCallback,
    OAuthDeniedError,
    OAuthError,
    OAuthTimeoutError,
)

from ..support.certificates import NO_CERTIFICATES
from ..support.event_loop import loop_rounds

PATIENCE = 20
SUCCESS = OAuthCallback("success")
PORTS = [-1, 65536, 10**5000, True, 8000.0, "8000", None]


class Page(NamedTuple):
    status: int
    headers: dict[str, str]
    body: str


class Outline(HTMLParser):
    """The parts of a response page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: dict[str, str | None] = {}
        self.texts: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.update({f"{tag}.{name}": value for name, value in attrs})

    def handle_data(self, data: str) -> None:
        self.texts.setdefault(self.tags[-1] if self.tags else "", data)


@pytest.fixture(autouse=True)
async def reported_faults() -> AsyncIterator[list[dict[str, object]]]:
    """After every test, no task of the receiver is left, and the event loop has reported no error.

    A socket left open raises a ResourceWarning, which is an error here.
    """
    faults: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: faults.append(context))
    before = asyncio.all_tasks()
    yield faults
    assert asyncio.all_tasks() <= before | {task for task in [asyncio.current_task()] if task}
    assert faults == []


@pytest.fixture
async def receiver() -> AsyncIterator[LoopbackReceiver]:
    async with LoopbackReceiver() as receiver:
        yield receiver


def port_of(receiver: LoopbackReceiver) -> int:
    return urlsplit(receiver.url).port or 80


def head(receiver: LoopbackReceiver, query: str = "?status=success", **changes: str) -> bytes:
    """A request as the browser sends it, but for some changes."""
    parts = urlsplit(receiver.url)
    given = {"method": "GET", "target": f"{parts.path}{query}", "host": parts.netloc, "more": ""} | changes
    return "{method} {target} HTTP/1.1\r\nHost: {host}\r\n{more}\r\n".format(**given).encode("latin-1")


async def exchange(receiver: LoopbackReceiver, request: bytes, *, address: str = "127.0.0.1") -> Page:
    """Send bytes, and read until the other side closes."""
    async with asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection(address, port_of(receiver))
        try:
            writer.write(request)
            answer = await reader.read()
        finally:
            writer.close()
            await writer.wait_closed()
    first, *lines = answer.partition(b"\r\n\r\n")[0].decode("ascii").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return Page(int(first.split()[1]), headers, answer.partition(b"\r\n\r\n")[2].decode())


async def browse(url: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE, verify=NO_CERTIFICATES) as client:
        return await client.get(url)


def connect(receiver: LoopbackReceiver, address: str = "127.0.0.1") -> socket.socket:
    """A connection that the receiver has not seen yet: the system accepts it while the event loop does not run."""
    return socket.create_connection((address, port_of(receiver)), timeout=PATIENCE)


def is_refused(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), timeout=PATIENCE).close()
    except ConnectionRefusedError:
        return True
    return False


def machine_has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


with_ipv6 = pytest.mark.skipif(not machine_has_ipv6(), reason="this machine has no ::1")


@contextmanager
def descriptors_used_up() -> Iterator[None]:
    """Let the process have no file descriptor more than it has."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.socket() as probe:
        next_free = probe.fileno()
    resource.setrlimit(resource.RLIMIT_NOFILE, (next_free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


# Callbacks


async def test_the_browser_that_comes_back_is_taken(receiver: LoopbackReceiver) -> None:
    response = await browse(f"{receiver.url}?status=success")

    assert response.status_code == 200
    assert await receiver.wait(timeout=PATIENCE) == SUCCESS


async def test_a_waiter_gets_the_callback_when_it_comes(receiver: LoopbackReceiver) -> None:
    async with asyncio.TaskGroup() as group:
        waiting = [group.create_task(receiver.wait(PATIENCE)) for _ in range(3)]
        await asyncio.sleep(0)
        await browse(f"{receiver.url}?status=success")

    assert [task.result() for task in waiting] == [SUCCESS] * 3
    assert await receiver.wait(PATIENCE) == SUCCESS


async def test_a_denial_is_handed_over(receiver: LoopbackReceiver) -> None:
    await browse(f"{receiver.url}?status=error&error=access_denied")

    callback = await receiver.wait(PATIENCE)
    with pytest.raises(OAuthDeniedError):
        callback.raise_for_error()


async def test_the_page_is_sent_before_who_waits_can_leave() -> None:
    async with LoopbackReceiver() as receiver:
        request = asyncio.create_task(exchange(receiver, head(receiver)))
        await receiver.wait(PATIENCE)

    page = await request
    assert page.status == 200
    assert page.body.endswith("</html>\n")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a connection that was reset can't be read any more")
async def test_a_browser_that_does_not_stay_for_the_page_is_taken_too(receiver: LoopbackReceiver) -> None:
    with connect(receiver) as browser:
        browser.sendall(head(receiver))
        # Closing it resets the connection then, so that sending the page fails.
        browser.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    assert await receiver.wait(PATIENCE) == SUCCESS
    await asyncio.sleep(0)
    gc.collect()


async def test_the_first_one_is_kept_and_every_page_is_about_it(receiver: LoopbackReceiver) -> None:
    first = await browse(f"{receiver.url}?status=error&error=cancelled")
    reloaded = await browse(f"{receiver.url}?status=error&error=cancelled")
    other = await browse(f"{receiver.url}?status=success")

    assert first.text == reloaded.text == other.text
    assert (await receiver.wait(PATIENCE)).error == "cancelled"


async def test_a_request_in_pieces_is_taken(receiver: LoopbackReceiver) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(receiver))
    for byte in head(receiver):
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0)

    async with asyncio.timeout(PATIENCE):
        assert (await reader.read()).startswith(b"HTTP/1.1 200 OK\r\n")
    writer.close()
    await writer.wait_closed()
    assert await receiver.wait(PATIENCE) == SUCCESS


async def test_a_head_of_sixteen_kibibytes_is_taken(receiver: LoopbackReceiver) -> None:
    length = 16 * 1024 - len(head(receiver, more="X-Long: \r\n"))
    request = head(receiver, more=f"X-Long: {'x' * length}\r\n")

    assert len(request) == 16 * 1024
    assert (await exchange(receiver, request)).status == 200


async def test_the_host_is_taken_in_any_case(receiver: LoopbackReceiver) -> None:
    assert (await exchange(receiver, head(receiver, host=f"LocalHost:{port_of(receiver)}"))).status == 200


async def test_on_port_80_browsers_leave_the_port_out() -> None:
    try:
        async with LoopbackReceiver(port=80) as receiver:
            assert receiver.url.startswith("http://localhost/")
            assert (await browse(f"{receiver.url}?status=success")).status_code == 200
    except ConfigurationError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("address", ["127.0.0.1", pytest.param("::1", marks=with_ipv6)])
async def test_both_addresses_of_localhost_respond(receiver: LoopbackReceiver, address: str) -> None:
    assert (await exchange(receiver, head(receiver), address=address)).status == 200
    assert await receiver.wait(PATIENCE) == SUCCESS


async def test_two_receivers_do_not_take_what_is_the_others(receiver: LoopbackReceiver) -> None:
    async with LoopbackReceiver() as other:
        astray = head(receiver, target=urlsplit(other.url).path + "?status=success")
        assert (await exchange(receiver, astray)).status == 404
        assert (await exchange(other, head(other, "?status=error"))).status == 200
        assert (await exchange(receiver, head(receiver))).status == 200

        assert (await other.wait(PATIENCE)).status == "error"
        assert await receiver.wait(PATIENCE) == SUCCESS


# Other requests

IGNORED: dict[str, tuple[int, dict[str, str]]] = {
    "the root": (404, {"target": "/"}),
    "a favicon": (404, {"target": "/favicon.ico"}),
    "a guessed path": (404, {"target": "/abc?status=success"}),
    "an absolute target": (404, {"target": "http://localhost/?status=success"}),
    "the longer path": (404, {"query": "/?status=success"}),
    "a fragment": (404, {"query": "#?status=success"}),
    "POST": (405, {"method": "POST", "more": "Content-Length: 5\r\n"}),
    "HEAD": (405, {"method": "HEAD"}),
    "get": (405, {"method": "get"}),
    "OPTIONS": (405, {"method": "OPTIONS"}),
    "another host": (421, {"host": "evil.example"}),
    "another port": (421, {"host": "localhost:1"}),
    "no port": (421, {"host": "localhost"}),
    "the address": (421, {"host": "127.0.0.1"}),
    "a host that is no text": (421, {"host": "\xff"}),
    "two hosts": (400, {"more": "Host: evil.example\r\n"}),
    "no query": (400, {"query": ""}),
    "another query": (400, {"query": "?code=1&state=2"}),
    "two statuses": (400, {"query": "?status=success&status=error"}),
    "many fields": (400, {"query": "?" + "a=1&" * 200 + "status=success"}),
    "no UTF-8": (400, {"query": "?status=error&error=%ff"}),
    "a bad length": (400, {"more": "Content-Length: x\r\n"}),
    "a bad header": (400, {"more": "a b: c\r\n"}),
    "an unknown coding": (501, {"more": "Transfer-Encoding: gzip\r\n"}),
    "a long head": (431, {"more": f"X-Long: {'x' * 16 * 1024}\r\n"}),
    "a very long head": (431, {"more": f"X-Long: {'x' * 200_000}\r\n"}),
    "a long query": (431, {"query": "?status=success&x=" + "x" * 16 * 1024}),
    "Sec-Purpose": (503, {"more": "Sec-Purpose: prefetch;prerender\r\n"}),
    "Sec-Purpose without prefetch": (503, {"more": "sec-purpose: Prerender\r\n"}),
    "Purpose": (503, {"more": "Purpose: prefetch\r\n"}),
    "X-Purpose": (503, {"more": "X-Purpose: preview\r\n"}),
    "X-Moz": (503, {"more": "X-Moz: prefetch\r\n"}),
}
NO_HTTP = [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"hello\r\n\r\n",
    b"GET /\r\n\r\n",
    b"\r\n\r\n\r\n",
]


@pytest.mark.parametrize(("status", "changes"), IGNORED.values(), ids=IGNORED)
async def test_everything_else_gets_a_response_and_is_ignored(
    receiver: LoopbackReceiver, status: int, changes: dict[str, str]
) -> None:
    page = await exchange(receiver, head(receiver, **changes) + b"body=")

    assert page.status == status
    assert page.headers["content-type"] == "text/plain; charset=utf-8"
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["connection"] == "close"
    assert page.headers.get("allow") == ("get" if status == 405 else None)
    assert page.body.startswith("" if changes.get("method") == "HEAD" else f"{status} ")
    assert (page.body == "") is (changes.get("method") == "HEAD")
    await assert_nothing_came_yet(receiver)
    assert (await exchange(receiver, head(receiver))).status == 200


@pytest.mark.parametrize("request_bytes", NO_HTTP)
async def test_bytes_other_than_http_are_refused(receiver: LoopbackReceiver, request_bytes: bytes) -> None:
    assert (await exchange(receiver, request_bytes)).status == 400
    await assert_nothing_came_yet(receiver)


async def test_half_a_request_is_refused(receiver: LoopbackReceiver) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(receiver))
    writer.write(head(receiver)[:-2])
    writer.write_eof()

    async with asyncio.timeout(PATIENCE):
        assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
    writer.close()
    await writer.wait_closed()
    await assert_nothing_came_yet(receiver)


async def test_a_second_request_on_a_connection_is_not_read(receiver: LoopbackReceiver) -> None:
    page = await exchange(receiver, head(receiver, "?status=no") + head(receiver))

    assert page.status == 400
    assert "HTTP/1.1" not in page.body
    await assert_nothing_came_yet(receiver)


async def test_a_client_may_go_on_sending_after_the_reply(receiver: LoopbackReceiver) -> None:
    loop = asyncio.get_running_loop()
    with connect(receiver) as client:
        client.settimeout(0)
        async with asyncio.timeout(2):
            await loop.sock_sendall(client, head(receiver, method="POST", more="Content-Length: 524288\r\n"))
            reply = b""
            while chunk := await loop.sock_recv(client, 4096):
                reply += chunk
            # On a connection that is closed already, the second one fails.
            for _ in range(8):
                await loop.sock_sendall(client, bytes(64 * 1024))
                await loop_rounds(5)

    assert reply.startswith(b"HTTP/1.1 405 ")


async def test_an_endless_sender_is_disconnected(receiver: LoopbackReceiver) -> None:
    with connect(receiver) as flood:
        flood.settimeout(0)
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(ConnectionError):
                await asyncio.get_running_loop().sock_sendall(flood, bytes(64 * 1024 * 1024))
    await assert_nothing_came_yet(receiver)


async def assert_nothing_came_yet(receiver: LoopbackReceiver) -> None:
    with pytest.raises(OAuthTimeoutError):
        await receiver.wait(timeout=0.001)


async def test_the_right_one_is_taken_after_a_hundred_wrong_ones_and_with_connections_held_open(
    receiver: LoopbackReceiver,
) -> None:
    wrong = [head(receiver, **changes) for _, changes in IGNORED.values()] + NO_HTTP
    with ExitStack() as held:
        for _ in range(40):
            held.enter_context(connect(receiver))
        answers = await asyncio.gather(*(exchange(receiver, request) for request in islice(cycle(wrong), 100)))
        assert all(page.status >= 400 for page in answers)
        assert (await exchange(receiver, head(receiver))).status == 200

    assert await receiver.wait(PATIENCE) == SUCCESS


async def test_served_requests_are_forgotten(receiver: LoopbackReceiver) -> None:
    def tasks_in_memory() -> int:
        gc.collect()
        return sum(isinstance(each, asyncio.Task) for each in gc.get_objects())

    before = tasks_in_memory()
    for _ in range(20):
        await exchange(receiver, head(receiver, target="/favicon.ico"))

    assert tasks_in_memory() < before + 10


async def test_so_many_are_served_at_once_and_further_ones_wait_until_the_silent_are_dropped(
    receiver: LoopbackReceiver,
) -> None:
    with ExitStack() as held:
        silent = [held.enter_context(connect(receiver)) for _ in range(63)]
        silent[0].sendall(head(receiver)[:-2])
        async with asyncio.timeout(2):
            assert (await exchange(receiver, head(receiver))).status == 200
        silent.append(held.enter_context(connect(receiver)))
        request = asyncio.create_task(exchange(receiver, head(receiver)))
        # Enough turns of the loop to serve it, if there were a slot.
        await loop_rounds(200)
        assert not request.done()

        assert (await request).status == 200
        assert silent[0].recv(1) == b""
        assert silent[1].recv(1) == b""
    # An exception that no one retrieved is reported when its task is collected (see the fixture).
    gc.collect()


async def test_more_connections_than_can_be_held_are_closed_and_the_browser_is_served_later(
    receiver: LoopbackReceiver,
) -> None:
    with ExitStack() as held:
        for _ in range(128):
            held.enter_context(connect(receiver))
            await loop_rounds(5)
        further = held.enter_context(connect(receiver))
        further.settimeout(0)
        async with asyncio.timeout(2):
            assert await asyncio.get_running_loop().sock_recv(further, 1) == b""

    async with asyncio.timeout(2):
        assert (await exchange(receiver, head(receiver))).status == 200


async def reached(moment: float) -> None:
    """Return when the event loop has run all that was scheduled up to a moment of its clock."""
    loop = asyncio.get_running_loop()
    passed = loop.create_future()
    loop.call_at(moment, passed.set_result, None)
    async with asyncio.timeout(PATIENCE):
        await passed


async def test_a_connection_that_can_not_be_accepted_is_tried_again(
    receiver: LoopbackReceiver, reported_faults: list[dict[str, object]]
) -> None:
    with connect(receiver) as browser:
        browser.sendall(head(receiver))
        with descriptors_used_up():
            await assert_nothing_came_yet(receiver)
        last_retry = asyncio.get_running_loop().time() + ACCEPT_RETRY_DELAY

        assert await receiver.wait(PATIENCE) == SUCCESS
        assert browser.recv(12) == b"HTTP/1.1 200"

    # asyncio repeats a failed accept() as often as the backlog is long, and schedules a retry for each:
    # one that finds the server closed is one more report.
    await reached(last_retry)

    # The report of the event loop itself.
    assert {fault["message"] for fault in reported_faults} == {"socket.accept() out of system resource"}
    reported_faults.clear()


# The page

OUTCOMES = {
    "success": ("?status=success", "Authorization complete"),
    "denied": ("?status=error&error=cancelled", "Authorization denied"),
    "failed": ("?status=error&error=%3Cscript%3Ealert(1)%3C/script%3E", "Authorization failed"),
}


@pytest.mark.parametrize(("kind", "query", "title"), [(kind, *outcome) for kind, outcome in OUTCOMES.items()])
async def test_the_page_says_how_it_ended(receiver: LoopbackReceiver, kind: str, query: str, title: str) -> None:
    page = await exchange(receiver, head(receiver, query))
    outline = Outline(page.body)

    assert page.status == 200
    assert outline.texts["title"] == outline.texts["h1"] == title
    assert "Go back to the application" in outline.texts["p"]
    assert "You can close this window." in outline.texts["p"]
    assert outline.attributes["body.class"] == kind
    assert outline.attributes["html.lang"] == "en"
    assert outline.attributes["meta.name"] == "viewport"
    assert f".{kind} {{ --mark: " in outline.texts["style"]
    assert "prefers-color-scheme: dark" in outline.texts["style"]
    assert int(page.headers["content-length"]) == len(page.body.encode())


async def test_the_pages_differ_in_their_marks() -> None:
    marks = []
    for query, _ in OUTCOMES.values():
        async with LoopbackReceiver() as receiver:
            marks.append(Outline((await exchange(receiver, head(receiver, query))).body).attributes["path.d"])

    assert len(set(marks)) == 3


@pytest.mark.parametrize(
    "query", ["?status=success&x=zzz", "?status=error&error=zzz", "?status=error&error=%3Cb%3Ezzz"]
)
async def test_the_page_holds_nothing_of_the_url_and_loads_nothing(receiver: LoopbackReceiver, query: str) -> None:
    page = await exchange(receiver, head(receiver, query))

    assert "zzz" not in page.body
    assert urlsplit(receiver.url).path not in page.body
    assert not {"script", "link", "img", "form", "a", "iframe", "base"} & set(Outline(page.body).tags)
    assert "http" not in page.body
    assert "url(" not in page.body


@pytest.mark.parametrize("query", [query for query, _ in OUTCOMES.values()], ids=OUTCOMES)
async def test_the_page_can_not_be_framed_kept_or_made_to_run_anything(receiver: LoopbackReceiver, query: str) -> None:
    response = await browse(f"{receiver.url}{query}")
    style = Outline(response.text).texts["style"]
    digest = b64encode(sha256(style.encode()).digest()).decode()

    assert dict(response.headers) == {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "no-referrer",
        "cache-control": "no-store",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "connection": "close",
        "content-length": str(len(response.content)),
    }


# Waiting


async def test_a_browser_that_does_not_come_back_is_an_error_that_says_how_to_go_on(receiver: LoopbackReceiver) -> None:
    with pytest.raises(OAuthTimeoutError) as raised:
        await receiver.wait(timeout=0.01)

    message = "the browser did not come back within 0.01 s: start a new flow, for example with authorize()"
    assert str(raised.value) == message
    assert isinstance(raised.value, OAuthError)


async def test_waiting_goes_on_after_a_timeout_and_a_cancellation(receiver: LoopbackReceiver) -> None:
    await assert_nothing_came_yet(receiver)
    waiting = asyncio.create_task(receiver.wait(PATIENCE))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    await browse(f"{receiver.url}?status=success")
    assert await receiver.wait(PATIENCE) == SUCCESS


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), True, "600"])
async def test_a_timeout_is_a_number_of_seconds_above_zero(receiver: LoopbackReceiver, timeout: float) -> None:
    with pytest.raises(ConfigurationError, match="timeout must be a number of seconds above zero"):
        await receiver.wait(timeout)


async def test_there_is_no_waiting_without_a_timeout(receiver: LoopbackReceiver) -> None:
    with pytest.raises(ConfigurationError, match="timeout must be a number of seconds"):
        await receiver.wait(None)  # type: ignore[arg-type]


async def test_waiting_ends_with_an_error_when_the_receiver_is_left() -> None:
    async with LoopbackReceiver() as receiver:
        waiting = asyncio.create_task(receiver.wait(PATIENCE))
        await asyncio.sleep(0)

    with pytest.raises(ConfigurationError, match="closed while waiting"):
        await waiting


# Coming and going


@pytest.mark.parametrize("port", PORTS, ids=lambda port: type(port).__name__)
def test_an_invalid_port_is_refused(port: int) -> None:
    with pytest.raises(ConfigurationError, match="port must be a whole number from 0 to 65535, not ") as raised:
        LoopbackReceiver(port=port)
    assert len(str(raised.value)) < 150


async def test_outside_of_the_context_there_is_no_url_and_no_waiting() -> None:
    receiver = LoopbackReceiver()

    async def assert_closed() -> None:
        with pytest.raises(ConfigurationError, match="inside `async with`"):
            receiver.url  # noqa: B018
        with pytest.raises(ConfigurationError, match="inside `async with`"):
            await receiver.wait(PATIENCE)
        assert repr(receiver) == "<LoopbackReceiver not listening>"

    await assert_closed()
    async with receiver:
        await browse(f"{receiver.url}?status=success")
    await assert_closed()


async def test_a_receiver_is_for_one_flow(receiver: LoopbackReceiver) -> None:
    with pytest.raises(ConfigurationError, match="one OAuth flow: create a new one"):
        await receiver.__aenter__()

    assert (await browse(f"{receiver.url}?status=success")).status_code == 200


async def test_a_receiver_that_was_not_entered_can_not_be_left() -> None:
    with pytest.raises(ConfigurationError, match="inside `async with`"):
        await LoopbackReceiver().__aexit__(None, None, None)


async def test_the_path_can_not_be_guessed_and_is_not_shown(receiver: LoopbackReceiver) -> None:
    async with LoopbackReceiver() as other:
        paths = {urlsplit(each.url).path for each in (receiver, other)}

    assert len(paths) == 2
    assert {len(path) for path in paths} == {1 + 43}
    assert repr(receiver) == f"<LoopbackReceiver on localhost:{port_of(receiver)}>"


async def test_a_port_can_be_chosen_and_had_again_at_once() -> None:
    async with LoopbackReceiver() as receiver:
        port = port_of(receiver)
        await exchange(receiver, head(receiver))
    for _ in range(3):
        async with LoopbackReceiver(port=port) as receiver:
            assert receiver.url.startswith(f"http://localhost:{port}/")
            await exchange(receiver, head(receiver))


@pytest.mark.parametrize(
    ("family", "address"),
    [(socket.AF_INET, "127.0.0.1"), pytest.param(socket.AF_INET6, "::1", marks=with_ipv6)],
    ids=["IPv4", "IPv6"],
)
async def test_a_taken_port_is_named_at_once(family: socket.AddressFamily, address: str) -> None:
    with socket.socket(family) as taken:
        taken.bind((address, 0))
        taken.listen()
        port = taken.getsockname()[1]
        receiver = LoopbackReceiver(port=port)

        with pytest.raises(ConfigurationError, match=rf"port {port}: Address already in use .+port="):
            await receiver.__aenter__()

    async with receiver:
        assert port_of(receiver) == port


@with_ipv6
@pytest.mark.parametrize("times", [1, 1000])
async def test_a_free_port_is_free_on_both_addresses(monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    # Somebody else takes the port on ::1 in the moment we have got it on 127.0.0.1.
    bind = socket.socket.bind
    others: list[socket.socket] = []

    def bind_too_late(self: socket.socket, address: tuple[str, int]) -> None:
        if self.family == socket.AF_INET6 and len(others) < times:
            others.append(socket.socket(socket.AF_INET6))
            bind(others[-1], address)
        bind(self, address)

    with ExitStack() as held, monkeypatch.context() as patch:
        patch.setattr(socket.socket, "bind", bind_too_late)
        receiver = LoopbackReceiver()
        if times == 1:
            async with receiver:
                held.enter_context(others[0])
                assert port_of(receiver) != others[0].getsockname()[1]
        else:
            with pytest.raises(ConfigurationError, match=r"free port: Address already in use .+port="):
                await receiver.__aenter__()
            for other in others:
                held.enter_context(other)
            assert len(others) == 10


async def test_without_ipv6_one_address_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "has_ipv6", False)
    async with LoopbackReceiver() as receiver:
        assert (await exchange(receiver, head(receiver))).status == 200
        assert not machine_has_ipv6() or is_refused("::1", port_of(receiver))


async def test_where_ipv6_is_switched_off_one_address_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    bind = socket.socket.bind

    def bind_to_ipv4(self: socket.socket, address: tuple[str, int]) -> None:
        # No address of a machine's, by which the system says itself what it says where ::1 is none.
        bind(self, ("2001:db8::1", address[1]) if self.family == socket.AF_INET6 else address)

    monkeypatch.setattr(socket, "has_ipv6", True)
    monkeypatch.setattr(socket.socket, "bind", bind_to_ipv4)
    async with LoopbackReceiver() as receiver:
        assert (await exchange(receiver, head(receiver))).status == 200


async def test_only_this_machine_can_connect(receiver: LoopbackReceiver) -> None:
    # Another loopback address is used in place of one that other machines can reach.
    if sys.platform != "linux":
        pytest.skip("elsewhere 127.0.0.2 is not an address of this machine")
    assert is_refused("127.0.0.2", port_of(receiver))


async def test_nothing_is_left_when_it_is_left() -> None:
    before = asyncio.all_tasks()
    async with LoopbackReceiver() as receiver:
        port = port_of(receiver)
        # In the middle of a request, of a leftover, and not begun.
        connections = [connect(receiver) for _ in range(3)]
        connections[0].sendall(head(receiver)[:20])
        connections[1].sendall(head(receiver, "?status=no"))
        connections[1].settimeout(0)
        async with asyncio.timeout(PATIENCE):
            assert (await asyncio.get_running_loop().sock_recv(connections[1], 12)) == b"HTTP/1.1 400"
        connections.append(connect(receiver))

    assert asyncio.all_tasks() == before
    assert is_refused("127.0.0.1", port)
    assert not machine_has_ipv6() or is_refused("::1", port)
    for connection in connections:
        connection.close()


@pytest.mark.parametrize("turns", range(6))
@pytest.mark.parametrize("address", ["127.0.0.1", pytest.param("::1", marks=with_ipv6)])
async def test_a_connection_that_comes_while_the_receiver_is_left_is_closed(address: str, turns: int) -> None:
    async with LoopbackReceiver() as receiver:
        await loop_rounds(3)
        late = connect(receiver, address)
        await loop_rounds(turns)

    with late, suppress(ConnectionResetError):
        assert late.recv(1) == b""


async def test_leaving_at_once_leaves_nothing() -> None:
    async with LoopbackReceiver() as receiver:
        port = port_of(receiver)

    assert is_refused("127.0.0.1", port)


async def test_leaving_can_be_cancelled_and_leaves_nothing() -> None:
    receiver = await LoopbackReceiver().__aenter__()
    port = port_of(receiver)
    with connect(receiver):
        await assert_nothing_came_yet(receiver)
        leaving = asyncio.create_task(receiver.__aexit__(None, None, None))
        await asyncio.sleep(0)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving

    assert is_refused("127.0.0.1", port)


async def test_entering_can_be_cancelled_and_leaves_nothing() -> None:
    receiver = LoopbackReceiver()
    entering = asyncio.create_task(receiver.__aenter__())
    await asyncio.sleep(0)
    port = port_of(receiver)
    entering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await entering

    assert is_refused("127.0.0.1", port)
    assert not machine_has_ipv6() or is_refused("::1", port)


@pytest.mark.parametrize("steps", range(1, 6))
async def test_leaving_can_be_cancelled_at_any_step(steps: int) -> None:
    receiver = await LoopbackReceiver().__aenter__()
    port = port_of(receiver)
    with connect(receiver):
        leaving = asyncio.create_task(receiver.__aexit__(None, None, None))
        await loop_rounds(steps)
        leaving.cancel()
        with suppress(asyncio.CancelledError):
            await leaving

        assert is_refused("127.0.0.1", port)
        await loop_rounds(5)


async def test_one_task_can_enter_and_another_leave() -> None:
    receiver = LoopbackReceiver()
    await asyncio.create_task(receiver.__aenter__())
    port = port_of(receiver)
    assert (await browse(f"{receiver.url}?status=success")).status_code == 200
    assert await asyncio.create_task(receiver.wait(PATIENCE)) == SUCCESS

    await asyncio.create_task(receiver.__aexit__(None, None, None))
    assert is_refused("127.0.0.1", port)


async def test_a_task_that_is_cancelled_while_it_waits_leaves_nothing() -> None:
    entered: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def flow() -> None:
        async with LoopbackReceiver() as receiver:
            entered.set_result(port_of(receiver))
            await receiver.wait(PATIENCE)

    task = asyncio.create_task(flow())
    port = await entered
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert is_refused("127.0.0.1", port)
