"""Unusual responses that do not break a call, and those that do."""

import asyncio
import gzip
import json
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posthog_mcp_store import (
    APIStatusError,
    Installation,
    MCPStore,
    MCPStoreError,
    NotFoundError,
    ResponseDecodeError,
)
from posthog_mcp_store.testing import EmbeddedService, Fault

from ..support.factories import open_store
from ..support.wire import ID, Wire, installation

Faked = Callable[..., MCPStore]
JSON = {"Content-Type": "application/json"}


async def test_todays_shape_is_fine(tmp_path: object) -> None:
    service = EmbeddedService(version="2026-09")
    row = service.add_installation()

    with service.serve() as host:
        async with MCPStore(service.api_key, host=host) as store:
            read = await store.installations.retrieve(row.id)

    assert read.server_id is None
    assert (read.scope, read.is_owner, read.tool_count) == ("personal", True, 0)
    assert read.additional_properties == {}


async def test_unknown_fields_are_readable_and_break_nothing(service: EmbeddedService, store: MCPStore) -> None:
    row = service.add_installation()
    news = {"auth_type": "mutual_tls", "color": "red", "nested": {"a": [1]}}
    service.inject(Fault(edit=lambda body: {**body, **news}))

    read = await store.installations.retrieve(row.id)

    assert read.auth_type == "mutual_tls"
    assert read.additional_properties == {"color": "red", "nested": {"a": [1]}}


@pytest.mark.parametrize("field", ["server_id", "display_name", "description", "is_enabled", "updated_at"])
@pytest.mark.parametrize("is_null", [True, False])
async def test_a_field_that_may_be_null_may_be_missing(
    service: EmbeddedService, store: MCPStore, field: str, is_null: bool
) -> None:
    row = service.add_installation()
    others = {field: None} if is_null else {}
    service.inject(Fault(edit=lambda body: {name: value for name, value in body.items() if name != field} | others))

    assert isinstance(await store.installations.retrieve(row.id), Installation)


BROKEN: dict[str, tuple[Fault, str]] = {
    "a missing field": (Fault(edit=lambda body: {**body, "id": None}), "id"),
    "a field of another type": (Fault(edit=lambda body: {**body, "created_at": 7}), "created_at"),
    "another value": (Fault(edit=lambda body: [body]), "object"),
    "HTML": (Fault(body="<html>sign in</html>", headers={"Content-Type": "text/html"}), "not JSON"),
    "half of a JSON text": (Fault(body='{"id": "0195', headers=JSON), "not JSON"),
    "nothing": (Fault(body=b"", headers=JSON), "not JSON"),
    "no UTF-8": (Fault(body=b'{"id": "\xff"}', headers=JSON), "not JSON"),
    "broken gzip": (
        Fault(body=b"\x1f\x8b no gzip", headers={**JSON, "Content-Encoding": "gzip"}),
        "encoding is broken",
    ),
    "gzip that is none": (Fault(body=b"plain", headers={**JSON, "Content-Encoding": "gzip"}), "encoding is broken"),
    "deep nesting": (Fault(body="[" * 100_000, headers=JSON), "not JSON"),
}


@pytest.mark.parametrize("kind", BROKEN)
async def test_an_unreadable_response_is_an_error_that_shows_it(
    service: EmbeddedService, store: MCPStore, kind: str
) -> None:
    row = service.add_installation()
    fault, reason = BROKEN[kind]
    fault.hits = 0
    service.inject(fault)

    with pytest.raises(ResponseDecodeError, match=reason) as caught:
        await store.installations.retrieve(row.id)

    error = caught.value
    assert error.status_code == 200
    assert "date" in error.headers
    assert len(error.body) <= 1024
    if isinstance(fault.body, bytes):
        assert error.body == fault.body[:1024]


async def test_a_decoded_body_is_what_counts(service: EmbeddedService, store: MCPStore) -> None:
    row = service.add_installation()
    packed = gzip.compress(json.dumps(installation(id=str(row.id))).encode())
    service.inject(Fault(body=packed, headers={**JSON, "Content-Encoding": "gzip"}))

    assert (await store.installations.retrieve(row.id)).id == row.id


@pytest.mark.parametrize("is_own", [False, True])
@pytest.mark.parametrize("encoding", ["identity", "gzip", "deflate"])
async def test_a_body_over_the_cap_is_not_read(service: EmbeddedService, is_own: bool, encoding: str) -> None:
    headers = JSON if encoding == "identity" else {**JSON, "Content-Encoding": encoding}
    body = json.dumps(installation(description="x" * 50_000)).encode()
    packed = {"identity": body, "gzip": gzip.compress(body), "deflate": zlib.compress(body)}[encoding]
    service.inject(Fault(body=packed, headers=headers, times=None))
    async with httpx.AsyncClient() as client:
        own = client if is_own else None
        for cap, is_read in ((len(body), True), (len(body) - 1, False)):
            async with open_store(service, max_response_bytes=cap, http_client=own) as store:
                if is_read:
                    assert len((await store.installations.retrieve(ID)).description) == 50_000
                    continue
                with pytest.raises(ResponseDecodeError, match=r"larger than the 50\d+ bytes of max_response_bytes"):
                    await store.installations.retrieve(ID)


async def test_an_endless_body_ends_at_the_cap(wire: Wire, faked: Faked) -> None:
    class Endless(httpx.AsyncByteStream):
        sent = 0
        closed = False

        async def __aiter__(self) -> AsyncIterator[bytes]:
            while True:
                self.sent += 65_536
                yield b" " * 65_536

        async def aclose(self) -> None:
            self.closed = True

    body = Endless()
    wire.answers(httpx.Response(200, stream=body))
    tracemalloc.start()
    try:
        with pytest.raises(ResponseDecodeError, match="16777216 bytes") as caught:
            await faked().installations.retrieve(ID)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert body.sent <= 16 * 1024 * 1024 + 65_536
    assert body.closed
    assert caught.value.body == b" " * 1024
    assert peak < 40_000_000


async def test_an_error_status_over_the_cap_is_still_that_error(service: EmbeddedService) -> None:
    service.inject(Fault(status=404, body="x" * 5000))

    async with open_store(service, max_response_bytes=2000) as store:
        with pytest.raises(NotFoundError):
            await store.installations.retrieve(ID)


async def test_a_body_that_a_hook_has_read_is_held_against_the_cap(wire: Wire) -> None:
    async def read(response: httpx.Response) -> None:
        await response.aread()

    wire.answers(httpx.Response(200, json=installation()))
    hooks: dict[str, list[Callable[..., Any]]] = {"response": [read]}
    async with httpx.AsyncClient(transport=httpx.MockTransport(wire), event_hooks=hooks) as client:
        assert (await MCPStore("phx_key", http_client=client).installations.retrieve(ID)).name == "My API Server"
        with pytest.raises(ResponseDecodeError, match="larger than the 20 bytes"):
            await MCPStore("phx_key", http_client=client, max_response_bytes=20).installations.retrieve(ID)


bodies = st.one_of(
    st.binary(max_size=200),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["type", "code", "detail", "attr", "error", "x"]), inner, max_size=6)
        ),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode()),
    st.sampled_from([b"typecodedetailattr", b"typecodedetailattrerror_event_id", b'{"error": "Server is disabled"}']),
)
header_names = st.sampled_from(["Retry-After", "Location", "Content-Type", "X-Request-Id", "Allow", "Content-Encoding"])


@given(
    status=st.integers(100, 999),
    content=bodies,
    headers=st.dictionaries(header_names, st.text(max_size=40), max_size=4),
)
@settings(derandomize=True, max_examples=200, deadline=None)
def test_any_response_at_all_is_a_value_or_one_of_our_errors(
    status: int, content: bytes, headers: dict[str, str]
) -> None:
    raw_headers = [(name.encode(), value.encode()) for name, value in headers.items()]
    outcomes: list[object] = []

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(status, headers=raw_headers, stream=httpx.ByteStream(content))

    async def calls() -> None:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
            for one in ("retrieve", "delete", "list", "authorize", "proxy"):
                # A store each: what one is refused, the next would wait for.
                installations = MCPStore("phx_key", http_client=client, max_retries=0).installations
                message = ({"jsonrpc": "2.0", "id": 1, "method": "ping"},) if one == "proxy" else ()
                try:
                    call = installations.list() if one == "list" else getattr(installations, one)(ID, *message)
                    outcomes.append(await call)
                except MCPStoreError as error:
                    outcomes.append(error)

    asyncio.run(calls())

    assert len(outcomes) == 5
    for error in outcomes:
        assert not isinstance(error, Exception) or "\n" not in str(error)
        if isinstance(error, APIStatusError):
            assert error.status_code == status
            assert error.retry_after is None or error.retry_after >= 0


async def test_of_a_body_that_is_announced_as_too_large_no_more_is_read_than_is_shown(wire: Wire, faked: Faked) -> None:
    parts: list[int] = []

    async def body() -> AsyncIterator[bytes]:
        for number in range(100):
            parts.append(number)
            yield b"x" * 1000

    wire.answers(httpx.Response(200, content=body(), headers={"Content-Length": "100000"}))
    with pytest.raises(ResponseDecodeError, match="larger than the 50000 bytes of max_response_bytes") as caught:
        await faked(max_response_bytes=50_000).installations.retrieve(ID)

    assert caught.value.body.startswith(b"xxx")
    assert len(parts) < 10
