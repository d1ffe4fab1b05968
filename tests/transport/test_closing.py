"""Closing a store and cancelling calls while connections are still being made: nothing is sent, no socket stays."""

import asyncio
import gc
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from posthog_mcp_store import APIConnectionError, ConfigurationError, MCPStore, RateLimitScope, ServerError
from posthog_mcp_store.testing import EmbeddedService, Fault

from ..support.certificates import NO_CERTIFICATES
from ..support.event_loop import loop_rounds
from ..support.listener import Listener, is_over
from ..support.serving import answer, read_request, serving
from ..support.wire import ID
from .test_aiohttp import install

KEY = "phx_the_secret_key"
on_all = pytest.mark.parametrize("kind", ["httpx", "client", "aiohttp"])


@pytest.fixture
def _uncollected() -> Iterator[None]:
    """The garbage collector closes nothing."""
    gc.disable()
    yield
    gc.enable()


@asynccontextmanager
async def open_on(kind: str, host: str, **options: Any) -> AsyncIterator[MCPStore]:
    async with httpx.AsyncClient(verify=NO_CERTIFICATES) as client:
        chosen: dict[str, Any] = {"http_client": client} if kind == "client" else {"transport": kind}
        store = MCPStore(KEY, host=host, **{"max_retries": 0, **chosen, **options})
        yield store
        await store.aclose()


@on_all
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("rounds", [*range(12), 16, 24])
async def test_nothing_is_sent_after_a_store_was_closed(
    listener: Listener, rounds: int, scheme: str, kind: str
) -> None:
    async with open_on(kind, f"{scheme}://127.0.0.1:{listener.port}", max_concurrency=10) as store:
        calls = [asyncio.create_task(install(store)) for _ in range(20)]
        await loop_rounds(rounds)
        async with asyncio.timeout(5):
            await store.aclose()
            sent = listener.take()
            errors = await asyncio.gather(*calls, return_exceptions=True)
        await listener.until(is_over)

    # Over the SDK's own connections, a call that may have been acted on says so.
    assert all(isinstance(error, ConfigurationError | APIConnectionError) for error in errors)
    assert all(error.is_sent for error in errors if isinstance(error, APIConnectionError))
    assert scheme == "http" or {type(error) for error in errors} == {ConfigurationError}
    assert listener.take() == sent
    assert not any(task.cancelling() for task in calls)


async def until_shaking_hands(listener: Listener, count: int) -> None:
    await listener.until(lambda seen: len(seen.accepted) == count and len(seen.received) > count * 100)


@on_all
@pytest.mark.usefixtures("_uncollected")
@pytest.mark.parametrize("end", ["cancel", "deadline", "close"])
async def test_a_handshake_that_is_ended_leaves_no_socket(listener: Listener, kind: str, end: str) -> None:
    async with open_on(kind, f"https://127.0.0.1:{listener.port}") as store:
        view = store.with_options(deadline=1.0) if end == "deadline" else store
        calls = [asyncio.create_task(install(view)) for _ in range(20)]
        await until_shaking_hands(listener, 20)
        sent = listener.take()
        if end == "cancel":
            for call in calls:
                call.cancel()
        elif end == "close":
            await store.aclose()
        await asyncio.wait(calls)
        async with asyncio.timeout(10):
            await listener.until(is_over)

    assert listener.take() == sent


async def test_a_call_that_was_sent_says_so_when_its_store_is_closed(listener: Listener) -> None:
    async with open_on("httpx", f"http://127.0.0.1:{listener.port}") as store:
        call = asyncio.create_task(install(store))
        await listener.until(lambda seen: b"\r\n\r\n" in seen.received)
        await store.aclose()
        with pytest.raises(APIConnectionError, match="this MCPStore was closed") as caught:
            await call

    assert caught.value.is_sent


@on_all
async def test_a_call_that_waits_for_its_next_attempt_ends_with_its_store(service: EmbeddedService, kind: str) -> None:
    service.inject(Fault(status=503, headers={"Retry-After": "30"}, times=None))
    failed = asyncio.Event()
    async with open_on(kind, service.base_url, max_retries=2) as store:
        view = store.with_options(on_response=lambda _: failed.set())
        call = asyncio.create_task(view.installations.delete(ID))
        async with asyncio.timeout(5):
            await failed.wait()
            await loop_rounds(3)
            await store.aclose()
            with pytest.raises(ServerError) as caught:
                await call

    assert caught.value.status_code == 503
    assert len(service.requests) == 1


@on_all
async def test_calls_that_wait_after_a_429_end_with_their_store(service: EmbeddedService, kind: str) -> None:
    service.inject(Fault(status=429, headers={"Retry-After": "30"}, times=None))
    refused = asyncio.Event()
    async with open_on(kind, service.base_url, max_retries=2) as store:
        view = store.with_options(on_response=lambda _: refused.set())
        first = asyncio.create_task(view.installations.retrieve(ID))
        async with asyncio.timeout(5):
            await refused.wait()
            await loop_rounds(3)
            queued = [asyncio.create_task(store.installations.retrieve(ID)) for _ in range(3)]
            await loop_rounds(3)
            await store.aclose()
            errors = await asyncio.gather(first, *queued, return_exceptions=True)

    assert [type(error) for error in errors] == [ConfigurationError] * 4
    assert len(service.requests) == 1


class NeverFree:
    """A rate limiter without room, or one that fails."""

    def __init__(self, error: Exception | None = None) -> None:
        self._error = error
        self.asked = asyncio.Event()

    async def acquire(self, _: RateLimitScope, /) -> None:
        self.asked.set()
        if self._error is not None:
            raise self._error
        await asyncio.Event().wait()


@on_all
async def test_a_call_that_waits_for_a_rate_limiter_ends_with_its_store(service: EmbeddedService, kind: str) -> None:
    limiter = NeverFree()
    async with open_on(kind, service.base_url, rate_limiter=limiter) as store, asyncio.timeout(5):
        call = asyncio.create_task(store.installations.retrieve(ID))
        await limiter.asked.wait()
        await store.aclose()
        with pytest.raises(ConfigurationError, match="this MCPStore is closed"):
            await call

    assert service.requests == []


async def test_an_error_of_a_rate_limiter_is_raised_unchanged(service: EmbeddedService) -> None:
    error = TimeoutError("no room")
    async with open_on("httpx", service.base_url, rate_limiter=NeverFree(error)) as store:
        with pytest.raises(TimeoutError) as caught:
            await store.installations.retrieve(ID)

    assert caught.value is error


async def test_closing_twice_at_once_waits_for_a_call_that_takes_its_time_to_end(service: EmbeddedService) -> None:
    waiting = asyncio.Event()

    class Slow:
        async def acquire(self, _: RateLimitScope, /) -> None:
            waiting.set()
            try:
                await asyncio.Event().wait()
            finally:
                await loop_rounds(10)

    async with open_on("httpx", service.base_url, rate_limiter=Slow()) as store, asyncio.timeout(5):
        call = asyncio.create_task(store.installations.retrieve(ID))
        await waiting.wait()
        first = asyncio.create_task(store.aclose())
        await loop_rounds(4)
        assert not first.done()
        await store.aclose()
        await first
        with pytest.raises(ConfigurationError, match="this MCPStore is closed"):
            await call


async def test_a_caller_that_is_cancelled_while_its_store_is_closed_is_cancelled(listener: Listener) -> None:
    async with open_on("httpx", f"https://127.0.0.1:{listener.port}") as store:
        call = asyncio.create_task(install(store))
        await until_shaking_hands(listener, 1)
        call.cancel()
        await store.aclose()
        with pytest.raises(asyncio.CancelledError):
            await call


async def test_a_clients_own_queue_is_unharmed_by_closing_a_store(listener: Listener) -> None:
    """httpcore 1.0.9 counts a connection that a cancelled request was just given as in use forever."""
    limits = httpx.Limits(max_connections=1)
    async with httpx.AsyncClient(limits=limits) as client, serving(answer) as port:
        store = MCPStore(KEY, host=f"https://127.0.0.1:{listener.port}", http_client=client, max_retries=0)
        calls = [asyncio.create_task(install(store)) for _ in range(20)]
        await until_shaking_hands(listener, 1)
        await store.aclose()
        await asyncio.wait(calls)

        async with asyncio.timeout(5):
            other = MCPStore(KEY, host=f"http://127.0.0.1:{port}", http_client=client)
            assert (await other.installations.retrieve(ID)).name == "My API Server"
            await other.aclose()


@on_all
def test_a_second_event_loop_is_refused_before_the_first_response(kind: str) -> None:
    asked, done = threading.Event(), threading.Event()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        asked.set()
        await asyncio.to_thread(done.wait, 10)

    refusals: list[BaseException] = []

    def use_elsewhere(store: MCPStore) -> None:
        assert asked.wait(10)
        try:
            asyncio.run(install(store))
        except ConfigurationError as error:
            refusals.append(error)
        finally:
            done.set()

    async def main() -> None:
        async with serving(converse) as port, open_on(kind, f"http://127.0.0.1:{port}") as store:
            other = asyncio.create_task(asyncio.to_thread(use_elsewhere, store))
            with pytest.raises(APIConnectionError):
                await install(store)
            await other

    asyncio.run(main())
    assert ["another event loop" in str(refusal) for refusal in refusals] == [True]


@pytest.mark.parametrize("own", [False, True])
def test_one_store_serves_one_event_loop_after_another(service: EmbeddedService, own: bool) -> None:
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app=service.app)) if own else None
    store = MCPStore(service.api_key, host=service.base_url, http_client=client)

    async def use() -> int:
        return (await store.installations.list()).count

    assert [asyncio.run(use()) for _ in range(3)] == [0, 0, 0]


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_closing_does_not_wait_for_a_call_of_an_event_loop_that_was_closed_around_it(service: EmbeddedService) -> None:
    service.inject(Fault(status=503, headers={"Retry-After": "30"}, times=None))
    store = MCPStore(service.api_key, host=service.base_url)

    async def leave_waiting() -> None:
        failed = asyncio.Event()
        view = store.with_options(on_response=lambda _: failed.set())
        left.append(asyncio.create_task(view.installations.retrieve(ID)))
        await failed.wait()
        await loop_rounds(3)

    left: list[asyncio.Task[Any]] = []
    loop = asyncio.new_event_loop()
    loop.run_until_complete(leave_waiting())
    loop.close()

    asyncio.run(asyncio.wait_for(store.aclose(), 5))
    with pytest.raises(ConfigurationError, match="this MCPStore is closed"):
        asyncio.run(store.installations.retrieve(ID))
    assert len(service.requests) == 1
