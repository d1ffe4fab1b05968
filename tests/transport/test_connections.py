"""TLS, other transports, instrumentation, and idle connections."""

import asyncio
import sys
from dataclasses import dataclass, field
from functools import partial

import httpx
import pytest
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from posthog_mcp_store import APIConnectionError, APITimeoutError, ConfigurationError, MCPStore, TransportName
from posthog_mcp_store.testing import EmbeddedService, Fault

from ..support.event_loop import put_forward, run_with_clock
from ..support.factories import httpx_only, open_store
from ..support.serving import answer, serving, store_on
from ..support.wire import ID

KEY = "phx_the_secret_key"


async def test_calls_go_over_tls(tls_port: int) -> None:
    async with MCPStore(KEY, host=f"https://127.0.0.1:{tls_port}") as store:
        for _ in range(2):
            assert (await store.installations.retrieve(ID)).name == "My API Server"


async def test_a_certificate_that_nobody_vouches_for_is_refused(tls_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")

    async with MCPStore(KEY, host=f"https://127.0.0.1:{tls_port}", max_retries=0) as store:
        with pytest.raises(APIConnectionError, match="CERTIFICATE_VERIFY_FAILED") as caught:
            await store.installations.retrieve(ID)

    assert not caught.value.is_sent


async def test_calls_go_over_aiohttp(service: EmbeddedService) -> None:
    row = service.add_installation()
    service.inject(Fault(reset="after"))
    service.inject(Fault(status=503, headers={"Retry-After": "0.1", "Set-Cookie": "a=b"}))

    async with open_store(service, transport="aiohttp") as store:
        assert (await store.installations.retrieve(row.id)).id == row.id
        assert await store.installations.list().collect()

    assert [request.headers["authorization"] for request in service.requests] == [f"Bearer {service.api_key}"] * 4
    assert not any("cookie" in request.headers for request in service.requests)


@pytest.mark.parametrize("reset", ["before", "after"])
async def test_over_aiohttp_too_a_post_that_may_have_left_is_sent_once(service: EmbeddedService, reset: str) -> None:
    service.inject(Fault(reset=reset, times=None))  # type: ignore[arg-type]

    async with open_store(service, transport="aiohttp") as store:
        with pytest.raises(APIConnectionError) as caught:
            await store.installations.install_custom(name="a", url="https://a.example.com", auth_type="api_key")

    assert caught.value.is_sent
    assert len(service.requests) == 1


TRANSPORTS: list[TransportName] = ["httpx", "aiohttp"]


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_host_that_is_not_there_got_nothing_and_the_error_says_what_to_check(transport: TransportName) -> None:
    async with MCPStore(KEY, host="http://127.0.0.1:1", transport=transport, max_retries=0) as store:
        with pytest.raises(
            APIConnectionError, match=r"no response \(.*\)\. Check the host and the network\.$"
        ) as caught:
            await store.installations.list()

    assert not caught.value.is_sent


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_lost_connection_to_a_host_that_is_there_has_no_hint(
    service: EmbeddedService, transport: TransportName
) -> None:
    service.inject(Fault(reset="before"))

    async with open_store(service, transport=transport, max_retries=0) as store:
        with pytest.raises(APIConnectionError, match=r"no response \([^()]*\)$") as caught:
            await store.installations.list()

    assert caught.value.is_sent


def test_an_unknown_transport_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="transport must be 'httpx' or 'aiohttp', not 'curl'"):
        MCPStore(KEY, transport="curl")  # type: ignore[arg-type]


async def test_a_client_and_a_transport_do_not_go_together() -> None:
    async with httpx.AsyncClient() as client:
        with pytest.raises(ConfigurationError, match="http_client= or transport=, not both"):
            MCPStore(KEY, http_client=client, transport="aiohttp")


def test_a_client_of_httpx2_is_refused_with_what_to_do() -> None:
    lookalike = type("AsyncClient", (), {"__module__": "httpx2._client"})()

    with pytest.raises(ConfigurationError, match=r"not httpx2\._client\.AsyncClient: call httpx2\.alias_httpx\(\)"):
        MCPStore(KEY, http_client=lookalike)


@httpx_only
@pytest.mark.parametrize("is_own", [False, True])
async def test_spans_come_out_of_the_ecosystems_instrumentation(service: EmbeddedService, is_own: bool) -> None:
    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    HTTPXClientInstrumentor().instrument(tracer_provider=provider)
    try:
        async with httpx.AsyncClient() as client:
            own = client if is_own else None
            async with open_store(service, http_client=own) as store:
                await store.installations.list()
    finally:
        HTTPXClientInstrumentor().uninstrument()

    (span,) = spans.get_finished_spans()
    assert span.name == "GET"
    assert service.api_key not in span.to_json()


async def test_without_the_extra_aiohttp_is_refused_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    for name in ("aiohttp_session", "aiohttp_transport"):
        monkeypatch.delitem(sys.modules, f"posthog_mcp_store._transport.{name}", raising=False)

    async with MCPStore(KEY, transport="aiohttp") as store:
        with pytest.raises(ConfigurationError, match=r'needs: pip install "posthog-mcp-store\[aiohttp\]"'):
            await store.installations.list()


async def test_a_host_that_is_no_address_is_refused_on_the_sdks_own_connections_too() -> None:
    async with MCPStore(KEY, host="https://xn--") as store:
        with pytest.raises(ConfigurationError, match="not a valid request URL"):
            await store.installations.list()


@dataclass
class Peer:
    """A service that counts the connections that were made to it, and those that ended."""

    made: int = 0
    ended: asyncio.Semaphore = field(default_factory=partial(asyncio.Semaphore, 0))

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.made += 1
        try:
            await answer(reader, writer)
        finally:
            self.ended.release()


def test_a_connection_that_was_idle_for_long_is_not_used_again() -> None:
    async def main() -> None:
        peer = Peer()
        async with store_on("httpx", peer) as store:
            await asyncio.gather(*(store.installations.retrieve(ID) for _ in range(2)))
            put_forward(4)
            await store.installations.retrieve(ID)
            assert peer.made == 2

            put_forward(6)
            for _ in range(2):
                await store.installations.retrieve(ID)
            assert peer.made == 3

    run_with_clock(main())


def test_all_connections_that_are_idle_for_long_are_closed_without_another_call() -> None:
    """Their servers would drop them, and each would wait for a call that comes across it."""

    async def main() -> None:
        peer = Peer()
        async with store_on("httpx", peer, max_concurrency=10) as store:
            await asyncio.gather(*(store.installations.retrieve(ID) for _ in range(10)))
            put_forward(4)
            await store.installations.retrieve(ID)
            # First those that were not used a second time, and then that one.
            for seconds, count in ((2, 9), (4, 1)):
                put_forward(seconds)
                async with asyncio.timeout(5):
                    for _ in range(count):
                        await peer.ended.acquire()
        assert peer.made == 10

    run_with_clock(main())


async def test_an_abandoned_attempt_whose_head_drips_ends_within_its_timeout() -> None:
    """Each byte is in time for the network's timeout, so nothing else would ever end it, or free its place."""
    met: list[int] = []

    async def drip_first(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        met.append(len(met))
        if len(met) > 1:
            await answer(reader, writer)
        writer.write(b"HTTP/1.1 200 OK\r\nX-Drip: ")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    async with serving(drip_first) as port, httpx.AsyncClient() as client:
        host = f"http://127.0.0.1:{port}"
        store = MCPStore(KEY, host=host, http_client=client, timeout=1, max_concurrency=1, max_retries=0)
        with pytest.raises(APITimeoutError, match="deadline"):
            await store.with_options(deadline=0.1).installations.retrieve(ID)

        async with asyncio.timeout(10):
            assert (await store.installations.retrieve(ID)).name == "My API Server"
        await store.aclose()
