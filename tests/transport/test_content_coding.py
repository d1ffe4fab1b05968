"""Compressed responses: one layer of gzip or deflate, decoded in bounded pieces, on every transport."""

import asyncio
import gzip
import json
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest

from posthog_mcp_store import (
    APITimeoutError,
    MCPStore,
    MCPStoreError,
    NotFoundError,
    ResponseDecodeError,
    ServerError,
)

from ..support.fake_mcp import GREETING, TOOL, text_result
from ..support.serving import Conversation, Says, answer_bytes, read_request, store_on
from ..support.wire import ID, Wire, installation

Faked = Callable[..., MCPStore]
Use = Callable[[MCPStore], Awaitable[Any]]

JSON = "application/json"
ASK = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "count"}}
ANSWER = {"jsonrpc": "2.0", "id": 1, "result": {"counted": 3}}
ROW = json.dumps(installation()).encode()

every_transport = pytest.mark.parametrize("kind", ["httpx", "client", "aiohttp"])


def raw_deflate(data: bytes) -> bytes:
    squeezer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return squeezer.compress(data) + squeezer.flush()


def in_two_blocks(data: bytes) -> bytes:
    """The codes of the second one are so short that the end of the data shares a byte with what comes before it."""
    squeezer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    begin = squeezer.compress(data[: len(ROW)]) + squeezer.flush(zlib.Z_FULL_FLUSH)
    return begin + squeezer.compress(data[len(ROW) :]) + squeezer.flush()


def members(data: bytes) -> bytes:
    return b"".join(gzip.compress(data[at : at + 7]) for at in range(0, len(data), 7)) + gzip.compress(b"")


CODINGS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "nothing": ("", bytes),
    "identity": ("identity", bytes),
    "gzip": ("gzip", gzip.compress),
    "x-gzip": ("X-GZip", gzip.compress),
    "gzip among empty names": (" gzip , identity,", gzip.compress),
    "several members": ("gzip", members),
    "padding behind it": ("gzip", lambda data: gzip.compress(data) + b"\0" * 9),
    "half of a magic number behind it": ("gzip", lambda data: gzip.compress(data) + b"\x1f"),
    "deflate": ("deflate", zlib.compress),
    "deflate without zlib's format": ("deflate", raw_deflate),
    "deflate in two blocks": ("deflate", in_two_blocks),
    "something behind deflate": ("deflate", lambda data: zlib.compress(data) + b"more"),
}


async def retrieve(store: MCPStore) -> Any:
    return (await store.installations.retrieve(ID)).name


async def awaited(store: MCPStore) -> Any:
    return (await store.installations.proxy(ID, ASK)).messages


async def entered(store: MCPStore) -> Any:
    async with store.installations.proxy(ID, ASK) as stream:
        return [message async for message in stream]


async def connected(store: MCPStore) -> Any:
    async with store.installations.connect(ID) as client:
        return (await client.call_tool("add", {})).content[0].text  # type: ignore[union-attr]


def event(message: object) -> bytes:
    return f"data: {json.dumps(message)}\n\n".encode()


USES: dict[str, tuple[Use, bytes, str, object]] = {
    "retrieve": (retrieve, ROW, JSON, "My API Server"),
    "an awaited reply": (awaited, json.dumps(ANSWER).encode(), JSON, [ANSWER]),
    "an awaited stream": (awaited, event(ANSWER), "text/event-stream", [ANSWER]),
    "an entered stream": (entered, event(ANSWER), "text/event-stream", [ANSWER]),
}


class Chunks(httpx.AsyncByteStream):
    """A body that comes in these chunks, all of them there at once."""

    def __init__(self, *chunks: bytes, is_endless: bool = False) -> None:
        self.chunks = chunks
        self.is_endless = is_endless
        self.is_closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self.chunks:
            yield chunk
        while self.is_endless:
            yield self.chunks[-1]

    async def aclose(self) -> None:
        self.is_closed = True


def encoded(coding: str, body: bytes | Chunks, status: int = 200, media_type: str = JSON) -> httpx.Response:
    stream = Chunks(body) if isinstance(body, bytes) else body
    return httpx.Response(status, stream=stream, headers={"Content-Encoding": coding, "Content-Type": media_type})


# Readable bodies


@every_transport
@pytest.mark.parametrize("coding", ["x-gzip", "several members", "deflate", "deflate without zlib's format"])
@pytest.mark.parametrize("use", USES)
async def test_a_compressed_body_is_read(kind: str, coding: str, use: str) -> None:
    header, compress = CODINGS[coding]
    ask, body, media_type, read = USES[use]
    server = Says(compress(body), {"Content-Type": media_type, **({"Content-Encoding": header} if header else {})})

    async with store_on(kind, server) as store:
        for _ in range(2):
            assert await ask(store) == read


def speaking_mcp(coding: str, compress: Callable[[bytes], bytes], **bodies: bytes) -> Conversation:
    """An MCP server with compressed responses."""

    def answer_to(message: dict[str, Any]) -> bytes:
        results = {"initialize": GREETING, "tools/list": {"tools": [TOOL]}, "tools/call": text_result("3")}
        return json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": results[message["method"]]}).encode()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        headers = {"Content-Type": JSON, "Content-Encoding": coding}
        while True:
            message = json.loads((await read_request(reader))[1])
            body = b"" if "id" not in message else compress(answer_to(message))
            writer.write(answer_bytes(bodies.get(message["method"].replace("/", "_"), body), headers))

    return converse


@every_transport
@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "deflate"])
async def test_a_connection_reads_compressed_responses(kind: str, coding: str) -> None:
    compress = zlib.compress if coding == "deflate" else gzip.compress

    async with store_on(kind, speaking_mcp(coding, compress)) as store:
        assert await connected(store) == "3"


@every_transport
async def test_only_codings_that_can_be_decoded_are_requested(kind: str) -> None:
    server = Says(ROW)
    async with store_on(kind, server) as store:
        await retrieve(store)

    for head in server.heads:
        assert head.lower().count(b"accept-encoding") == 1
        assert b"\r\naccept-encoding: gzip, deflate\r\n" in head.lower()


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 4096])
async def test_it_is_read_the_same_wherever_the_network_cuts(wire: Wire, faked: Faked, coding: str, size: int) -> None:
    header, compress = CODINGS[coding]
    packed = compress(ROW)
    chunks = [packed[at : at + size] for at in range(0, len(packed), size)]
    wire.answers(encoded(header, Chunks(*chunks, b"")))

    assert await retrieve(faked()) == "My API Server"


@pytest.mark.parametrize("coding", ["gzip", "deflate", "deflate in two blocks"])
async def test_pieces_that_fill_their_bound_exactly_lose_nothing(wire: Wire, faked: Faked, coding: str) -> None:
    """Also where the last byte read is the end of one piece and the beginning of the next."""
    header, compress = CODINGS[coding]
    store = faked()
    for size in (65_535, *range(65_536, 65_800, 3), 131_072):
        wire.answers(encoded(header, compress(ROW + b" " * (size - len(ROW)))))
        assert await retrieve(store) == "My API Server"


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "gzip, gzip"])
async def test_a_body_without_content_needs_no_decoding(wire: Wire, faked: Faked, coding: str) -> None:
    wire.answers(encoded(coding, Chunks(), 204), encoded(coding, Chunks(b""), 202))

    assert await faked().installations.delete(ID) is None  # type: ignore[func-returns-value]
    assert (await faked().installations.proxy(ID, {"jsonrpc": "2.0", "method": "ping"})).messages == []


# Refused bodies

OTHERS = ["br", "zstd", "compress", "gzip, gzip", "gzip, deflate", "deflate, br", "identity, gzip, x-gzip", "gzip;q=1"]


@every_transport
@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("coding", ["br", "gzip, gzip"])
async def test_another_coding_is_named_over_every_transport(kind: str, use: str, coding: str) -> None:
    ask, body, media_type, _ = USES[use]
    server = Says(gzip.compress(gzip.compress(body)), {"Content-Type": media_type, "Content-Encoding": coding})

    async with store_on(kind, server) as store:
        with pytest.raises(ResponseDecodeError, match=f"its content encoding is '{coding}'"):
            await ask(store)


@every_transport
async def test_another_coding_is_named_in_a_connection(kind: str) -> None:
    async with store_on(kind, speaking_mcp("br", bytes)) as store:
        with pytest.raises(ResponseDecodeError, match="its content encoding is 'br'"):
            await connected(store)


@pytest.mark.parametrize("coding", OTHERS)
async def test_another_coding_is_named(wire: Wire, faked: Faked, coding: str) -> None:
    wire.answers(encoded(coding, b"whatever"))

    with pytest.raises(
        ResponseDecodeError, match=f"its content encoding is '{coding}', and only one of gzip"
    ) as caught:
        await retrieve(faked())

    assert caught.value.body == b"whatever"
    assert caught.value.headers["Content-Encoding"] == coding


@every_transport
@pytest.mark.parametrize("coding", ["br", "gzip, gzip", "gzip"])
async def test_an_error_status_stays_that_error_and_names_the_coding(kind: str, coding: str) -> None:
    server = Says(b"\x8b\x02\x80", {"Content-Encoding": coding}, status=503)
    named = "its content encoding is broken" if coding == "gzip" else f"its content encoding is '{coding}'"

    async with store_on(kind, server) as store:
        for ask in (retrieve, awaited, entered, connected):
            with pytest.raises(MCPStoreError, match=named) as caught:
                await ask(store)
            assert caught.value.status_code == 503  # type: ignore[attr-defined]


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "deflate", "deflate without zlib's format"])
@pytest.mark.parametrize("use", USES)
async def test_a_body_that_is_cut_off_is_refused(wire: Wire, faked: Faked, coding: str, use: str) -> None:
    header, compress = CODINGS[coding]
    ask, body, media_type, _ = USES[use]
    packed = compress(body if media_type == JSON else b"data: {")

    for end in (1, 2, len(packed) // 2, len(packed) - 1):
        wire.answers(encoded(header, packed[:end], media_type=media_type))
        with pytest.raises(ResponseDecodeError, match="its content encoding is broken"):
            await ask(faked())


async def test_a_member_that_is_cut_off_is_refused_and_what_could_be_read_is_shown(wire: Wire, faked: Faked) -> None:
    wire.answers(encoded("gzip", gzip.compress(ROW) + gzip.compress(b"more")[:-3]))

    with pytest.raises(ResponseDecodeError, match="it ends too early") as caught:
        await retrieve(faked())

    assert caught.value.body == ROW + b"more"


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
async def test_a_body_with_a_wrong_checksum_is_refused(wire: Wire, faked: Faked, coding: str) -> None:
    packed = bytearray(CODINGS[coding][1](ROW))
    packed[-5 if coding == "gzip" else -1] ^= 1
    wire.answers(encoded(coding, bytes(packed)))

    with pytest.raises(ResponseDecodeError, match="incorrect data check"):
        await retrieve(faked())


# Bounds

BLOWN_UP = 10_000_000
LARGE = {name: CODINGS[name][1](b"data: " + b" " * BLOWN_UP) for name in ("gzip", "deflate without zlib's format")}


@every_transport
@pytest.mark.parametrize("coding", LARGE)
@pytest.mark.parametrize("status", [200, 404])
@pytest.mark.parametrize("use", USES)
async def test_no_more_is_unpacked_than_the_bound_and_a_piece(kind: str, coding: str, status: int, use: str) -> None:
    ask, _, media_type, _ = USES[use]
    server = Says(LARGE[coding], {"Content-Type": media_type, "Content-Encoding": CODINGS[coding][0]}, status)

    async with store_on(kind, server, max_response_bytes=100_000) as store:
        tracemalloc.start()
        try:
            with pytest.raises(MCPStoreError) as caught:
                await ask(store)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    if status == 200:
        assert isinstance(caught.value, ResponseDecodeError)
        assert "larger than" in str(caught.value)
        assert "100000 bytes" in str(caught.value)
    else:
        assert caught.value.status_code == 404  # type: ignore[attr-defined]
    assert peak < 3_000_000


@every_transport
async def test_no_more_is_unpacked_in_a_connection(kind: str) -> None:
    server = speaking_mcp("gzip", gzip.compress, tools_call=LARGE["gzip"])

    async with store_on(kind, server, max_response_bytes=100_000) as store:
        with pytest.raises(ResponseDecodeError, match="larger than the 100000 bytes"):
            await connected(store)


async def turns_while(work: Awaitable[object]) -> int:
    """The number of rounds of the event loop during some work that waits for nothing."""
    turns, task = 0, asyncio.ensure_future(work)
    async with asyncio.timeout(30):
        while not task.done():
            await asyncio.sleep(0)
            turns += 1
    await task
    return turns


@pytest.mark.parametrize("use", [retrieve, awaited])
async def test_the_event_loop_gets_its_turn_between_pieces(wire: Wire, faked: Faked, use: Use) -> None:
    body = ROW if use is retrieve else json.dumps(ANSWER).encode()
    wire.answers(encoded("gzip", gzip.compress(body)), encoded("gzip", gzip.compress(body + b" " * 64 * 65_536)))

    assert await turns_while(use(faked())) + 60 < await turns_while(use(faked()))


@pytest.mark.parametrize("use", [retrieve, awaited, entered])
async def test_a_deadline_holds_while_a_body_is_unpacked(wire: Wire, faked: Faked, use: Use) -> None:
    """The body waits for nothing: only between its pieces can anything else happen."""
    body = Chunks(gzip.compress(b" ") * 20_000, is_endless=True)
    wire.answers(encoded("gzip", body))
    store = faked(max_response_bytes=100_000_000).with_options(deadline=0.2)

    loop = asyncio.get_running_loop()
    began = loop.time()
    with pytest.raises(APITimeoutError, match="deadline"):
        await use(store)

    assert loop.time() - began < 2
    assert body.is_closed


NOTHING_TO_READ = {
    "members without content": ("gzip", gzip.compress(b""), gzip.compress(b"")),
    "blocks without content": ("deflate", zlib.compressobj().flush(zlib.Z_FULL_FLUSH), b"\0\0\0\xff\xff"),
    "a name without an end": ("gzip", b"\x1f\x8b\x08\x08\0\0\0\0\0\xff", b"name"),
    "anything behind the end": ("deflate", zlib.compress(b" "), b"x"),
}


@pytest.mark.parametrize("use", [retrieve, awaited, entered])
@pytest.mark.parametrize("what", NOTHING_TO_READ)
async def test_a_body_that_decodes_to_nothing_ends(wire: Wire, faked: Faked, use: Use, what: str) -> None:
    coding, begin, again = NOTHING_TO_READ[what]
    body = Chunks(begin, again * (40_000 // len(again)), is_endless=True)
    wire.answers(encoded(coding, body))

    async with asyncio.timeout(10):
        with pytest.raises(ResponseDecodeError, match="bytes of it decode to nothing"):
            await use(faked())

    assert body.is_closed


# Bodies that a hook of the user's client has read before


def with_hook(wire: Wire, hook: Callable[[httpx.Response], Awaitable[None]]) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.MockTransport(wire), event_hooks={"response": [hook]})


async def read_it(response: httpx.Response) -> None:
    await response.aread()


async def take_it(response: httpx.Response) -> None:
    async for _ in response.aiter_raw():
        pass


@pytest.mark.parametrize("coding", ["nothing", "gzip", "x-gzip", "deflate"])
@pytest.mark.parametrize("use", USES)
async def test_a_compressed_body_that_a_hook_has_read_is_read(wire: Wire, coding: str, use: str) -> None:
    header, compress = CODINGS[coding]
    ask, body, media_type, read = USES[use]
    wire.answers(encoded(header, compress(body), media_type=media_type))

    async with with_hook(wire, read_it) as client:
        assert await ask(MCPStore("phx_key", http_client=client)) == read


@pytest.mark.parametrize("coding", ["br", "gzip, gzip"])
@pytest.mark.parametrize("use", USES)
async def test_another_coding_of_a_body_that_a_hook_has_read_is_named(wire: Wire, coding: str, use: str) -> None:
    wire.answers(encoded(coding, gzip.compress(gzip.compress(b"{}"))))

    async with with_hook(wire, read_it) as client:
        with pytest.raises(ResponseDecodeError, match=f"its content encoding is '{coding}'"):
            await USES[use][0](MCPStore("phx_key", http_client=client))


@pytest.mark.parametrize("use", USES)
async def test_a_body_that_a_hook_took_and_did_not_keep_says_so(wire: Wire, use: str) -> None:
    wire.answers(encoded("gzip", gzip.compress(ROW)))

    async with with_hook(wire, take_it) as client:
        with pytest.raises(ResponseDecodeError, match="a hook of the http_client took its body"):
            await USES[use][0](MCPStore("phx_key", http_client=client))


async def test_a_hook_that_raises_for_a_status_leaves_a_compressed_body_readable(wire: Wire) -> None:
    async def hook(response: httpx.Response) -> None:
        await response.aread()
        response.raise_for_status()

    async with with_hook(wire, hook) as client:
        store = MCPStore("phx_key", http_client=client, max_retries=0)
        for coding in ("gzip", "x-gzip"):
            wire.answers(encoded(coding, gzip.compress(b'{"detail": "Not found."}'), 404))
            with pytest.raises(NotFoundError) as caught:
                await retrieve(store)
            assert caught.value.detail == "Not found."
        wire.answers(encoded("br", b"\x8b", 500))
        with pytest.raises(ServerError, match="'br'"):
            await retrieve(store)
